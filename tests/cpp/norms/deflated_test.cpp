#include "fanion/norms/deflated.h"

#include <ATen/ops/clamp.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/sign.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include "certificates.h"
#include "zoo.h"

namespace fanion::norms {
namespace {

using namespace fanion::testing;

constexpr std::array kEveryMap = {ResidualMap::sign, ResidualMap::row_norm, ResidualMap::col_norm,
                                  ResidualMap::frobenius, ResidualMap::clip};

at::Tensor dense_direction(const at::Tensor& M, int64_t k, ResidualMap map) {
  return to_dense(deflated(k, map)->direction(M), working_matrix(M));
}

at::Tensor exact_residual(const at::Tensor& M, int64_t k) {
  const auto svd = exact_svd(M);
  return M - at::matmul(svd.U.narrow(1, 0, k) * svd.S.narrow(0, 0, k), svd.V.narrow(1, 0, k).t());
}

/// N(R), by the table in docs/conventions.md; R = M − M_k.
at::Tensor mapped(const at::Tensor& R, ResidualMap map, double next_sigma) {
  switch (map) {
    case ResidualMap::sign: return at::sign(R);
    case ResidualMap::row_norm: return R / at::linalg_vector_norm(R, 2, {{1}}, /*keepdim=*/true);
    case ResidualMap::col_norm: return R / at::linalg_vector_norm(R, 2, {{0}}, /*keepdim=*/true);
    case ResidualMap::frobenius: return R / frobenius_norm(R);
    case ResidualMap::clip: return R / next_sigma;
    case ResidualMap::newton_schulz: break;  // further down
  }
  return {};
}

TEST(Deflated, IsTheFlattenedTopPlusTheMappedRest) {
  for (const auto& M : {random_normal(13, 9, 101), random_normal(9, 13, 102)})
    for (const auto map : kEveryMap)
      for (const int64_t k : {1, 3, 8}) {
        const auto R = exact_residual(M, k);
        const auto N = mapped(R, map, exact_singular_values(M)[k]);
        // c·N(R) carries the energy √(min(m, n) − k); clip takes c = 1.
        const double c = map == ResidualMap::clip ? 1 : std::sqrt(9.0 - static_cast<double>(k)) / frobenius_norm(N);
        const auto exact = -(flattened_top(M, k) + c * N);
        EXPECT_LE(relative_error(dense_direction(M, k, map), exact), 1e-12) << name_of(map) << k;  // 1e4 roundings
      }
}

TEST(Deflated, WithoutDeflationIsThePlainMapOfM) {
  const auto M = random_normal(13, 9, 103);
  EXPECT_LE(relative_error(dense_direction(M, 0, ResidualMap::sign), -3 / std::sqrt(13.0 * 9) * at::sign(M)), 1e-14);
  EXPECT_LE(relative_error(dense_direction(M, 0, ResidualMap::frobenius), -3 / frobenius_norm(M) * M), 1e-14);
  EXPECT_LE(relative_error(dense_direction(M, 0, ResidualMap::clip), -M / exact_singular_values(M)[0]), 1e-13);
}

TEST(Deflated, WithEveryTripletIsThePolarFactor) {
  const auto M = random_normal(13, 9, 104);
  for (const auto map : kEveryMap)
    EXPECT_LE(relative_error(dense_direction(M, 9, map), -flattened_top(M, 9)), 1e-12) << name_of(map);
}

TEST(Deflated, RestCarriesTheEnergyOfTheMissingDirections) {
  const auto M = random_normal(20, 30, 105);
  for (const auto map : {ResidualMap::sign, ResidualMap::row_norm, ResidualMap::col_norm, ResidualMap::frobenius})
    for (const int64_t k : {0, 4, 19}) {
      const auto rest = dense_direction(M, k, map) + (k > 0 ? flattened_top(M, k) : at::zeros_like(M));
      EXPECT_NEAR(frobenius_norm(rest), std::sqrt(20.0 - static_cast<double>(k)), 1e-11) << name_of(map) << k;
    }
}

TEST(Deflated, ClipMinimisesItsQuadraticOverTheSpectralBall) {
  const auto M = random_normal(14, 10, 106);
  const auto svd = exact_svd(M);
  for (const int64_t k : {0, 3, 9}) {
    const auto X = -dense_direction(M, k, ResidualMap::clip);
    const double next = svd.S[k].item<double>();
    const auto objective = [&](const at::Tensor& Z) {
      return -frobenius_inner(M, Z) + next / 2 * std::pow(frobenius_norm(Z), 2);
    };
    const double least = objective(X);
    EXPECT_LE(exact_singular_values(X)[0], 1 + 1e-12) << "outside the ball";
    // Other points of the ball: M plus noise, with its singular values clipped at 1.
    for (const double noise : {1e-3, 0.1, 1.0}) {
      const auto near = exact_svd((M + noise * random_normal(14, 10, 107)) / next);
      const auto Z = at::matmul(near.U * at::clamp(near.S, 0, 1), near.V.t());
      EXPECT_GT(objective(Z), least) << k << " " << noise;
    }
  }
}

/// s steps of the default quintic on R over its Schatten-4 norm, scaled to √(r − k).
at::Tensor newton_schulz_of_rest(const at::Tensor& R, int64_t steps, double size) {
  auto X = R / std::sqrt(frobenius_norm(at::matmul(R, R.t())));
  for (int64_t i = 0; i < steps; ++i) {
    const auto XXt = at::matmul(X, X.t());
    X = 3.4445 * X + at::matmul(-4.7750 * XXt + 2.0315 * at::matmul(XXt, XXt), X);
  }
  return X * (size / frobenius_norm(X));
}

TEST(Deflated, NewtonSchulzTakesAFewStepsOfTheRest) {
  for (const auto& M : {random_normal(13, 9, 121), random_normal(9, 13, 122)})
    for (const int64_t k : {0, 1, 3, 8})
      for (const int64_t steps : {1, 2, 3}) {
        auto options = few_newton_schulz_steps();
        options.steps = steps;
        const auto top = k == 0 ? at::zeros_like(M) : flattened_top(M, k), R = k == 0 ? M : exact_residual(M, k);
        const auto exact = -(top + newton_schulz_of_rest(R, steps, std::sqrt(9.0 - static_cast<double>(k))));
        const auto D = to_dense(deflated(k, ResidualMap::newton_schulz, {}, options)->direction(M), M);
        EXPECT_LE(relative_error(D, exact), 1e-11) << k << " " << steps;
        const auto batch = at::stack({M, at::zeros_like(M), 7 * M});
        const TripletOptions dense{.method = linalg::SvdMethod::dense};
        const auto all = deflated(k, ResidualMap::newton_schulz, dense, options)->batch_direction(batch);
        EXPECT_LE(relative_error(to_dense(all, batch)[2], exact), 1e-11) << k << " " << steps;
        EXPECT_EQ(frobenius_norm(to_dense(all, batch)[1]), 0);
      }
  EXPECT_EQ(few_newton_schulz_steps().steps, 2);
}

TEST(Deflated, NewtonSchulzOfEveryTripletIsThePolarFactor) {
  const auto M = random_normal(13, 9, 123), low = at::matmul(random_normal(13, 2, 124), random_normal(2, 9, 125));
  EXPECT_LE(relative_error(dense_direction(M, 9, ResidualMap::newton_schulz), -flattened_top(M, 9)), 1e-12);
  EXPECT_LE(relative_error(dense_direction(low, 4, ResidualMap::newton_schulz), -flattened_top(low, 2)), 1e-10)
      << "a rest that is rounding is dropped";
}

/// What it is for: two steps of the rest of a spectrum with a few large values flatten it as five of the whole do.
TEST(Deflated, NewtonSchulzNeedsFewerStepsWithoutTheTop) {
  auto sigma = std::vector<double>(64, 1.0);
  for (std::size_t i = 0; i < 64; ++i) sigma[i] = (i < 8 ? 40.0 : 1.0) * (1.0 - 0.7 * static_cast<double>(i % 64) / 64);
  const auto M = with_spectrum(96, 64, sigma, 126).to(at::kFloat);
  const auto least = [](const at::Tensor& D) { return exact_singular_values(D)[63]; };
  const auto muon = [&](int64_t steps) { return linalg::newton_schulz(M, {.steps = steps}); };
  EXPECT_GT(least(dense_direction(M, 8, ResidualMap::newton_schulz)), 0.5);
  EXPECT_LT(least(muon(2)), 0.2);
}

TEST(Deflated, ZeroGivesZero) {
  for (const auto dtype : {at::kDouble, at::kFloat, at::kBFloat16})
    for (const auto map : kEveryMap)
      for (const int64_t k : {0, 2, 5})
        EXPECT_EQ(frobenius_norm(dense_direction(at::zeros({6, 5}, dtype), k, map)), 0) << name_of(map) << k;
}

TEST(Deflated, ClipStaysInTheSpectralBallOnTheZoo) {
  for (const auto& [name, A] : whole_zoo()) {
    const int64_t smaller = std::min(A.size(0), A.size(1));
    for (const int64_t k : {int64_t{0}, int64_t{1}, int64_t{6}, smaller - 1, smaller}) {
      if (k < 0 || k > smaller) continue;
      const auto D = dense_direction(A, k, ResidualMap::clip);
      const auto sigma = exact_singular_values(A);
      const double eps = working_eps(A.scalar_type()), next = k < smaller && sigma[k] > 0 ? sigma[k] : sigma[0];
      // Rounding of R is up to 100·eps·σ₁, over σ_{k+1}; R is dropped where σ_{k+1} ≤ max(m, n)·eps·σ₁.
      const double dropped = 100.0 / static_cast<double>(std::max(A.size(0), A.size(1)));
      const double tol = 100 * eps + (sigma[0] > 0 ? std::min(100 * eps * sigma[0] / next, dropped) : 0);
      EXPECT_LE(exact_singular_values(D)[0], 1 + tol) << name << " k=" << k;
    }
  }
}

TEST(Deflated, WarmStartHasTheTripletsItNeeds) {
  const TripletOptions training = kTrainingTriplets;
  EXPECT_EQ(deflated(0, ResidualMap::sign, training)->warm_columns(20, 30), 0);
  EXPECT_EQ(deflated(0, ResidualMap::clip, training)->warm_columns(20, 30), 1 + 1);
  EXPECT_EQ(deflated(3, ResidualMap::sign, training)->warm_columns(20, 30), 3 + 1);
  EXPECT_EQ(deflated(3, ResidualMap::clip, training)->warm_columns(20, 30), 4 + 2);
  EXPECT_EQ(deflated(20, ResidualMap::clip, training)->warm_columns(20, 30), 20);
  EXPECT_EQ(deflated(3)->warm_columns(20, 30), 0);
}

TEST(Deflated, WarmStartedDirectionBecomesTheExactOne) {
  const auto M = with_spectrum(30, 25, geometric(25, 0.7), 108);
  for (const auto map : kEveryMap) {
    const auto rule = deflated(4, map, kTrainingTriplets);
    auto warm = initial_warm_start(*rule, 30, 25, M.options());
    at::Tensor D;
    for (int i = 0; i < 40; ++i) D = to_dense(rule->direction(M, &warm), M);
    // 80 passes at (0.7^4)² each are far below rounding; entries of R near 0 may still change sign.
    const double tol = map == ResidualMap::sign ? 1e-1 : 1e-10;
    EXPECT_LE(relative_error(D, dense_direction(M, 4, map)), tol) << name_of(map);
  }
}

TEST(Deflated, RefusesKOutOfRange) {
  EXPECT_VALUE_ERROR(deflated(-1), "must not be negative");
  const auto rule = deflated(6);
  EXPECT_VALUE_ERROR(rule->direction(random_normal(9, 5, 109)), "0 to 5");
  EXPECT_VALUE_ERROR(rule->warm_columns(9, 5), "0 to 5");
}

}  // namespace
}  // namespace fanion::norms
