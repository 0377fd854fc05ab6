#include "fanion/norms/dion.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/linalg_qr.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include "certificates.h"
#include "fanion/optim/presets.h"
#include "zoo.h"

namespace fanion::norms {
namespace {

using namespace fanion::testing;

struct DionFactors {
  at::Tensor P, R, Q;
};
/// Power steps from Q₀, as the paper's Algorithm 1 writes them.
DionFactors power_steps(const at::Tensor& M, at::Tensor Q, int64_t passes) {
  at::Tensor P, R;
  for (int64_t pass = 0; pass < passes; ++pass) {
    P = std::get<0>(at::linalg_qr(at::matmul(M, Q)));
    R = Q = at::matmul(M.t(), P);
  }
  return {P, R, R / at::linalg_vector_norm(R, 2, {{0}}, /*keepdim=*/true)};
}
/// The same of the longer side: where m < n, those of Mᵀ. And P Qᵀ and P Rᵀ, of M's shape.
struct DionParts {
  at::Tensor D, captured, Q;
};
DionParts dion_parts(const at::Tensor& M, const at::Tensor& Q, int64_t passes) {
  const bool is_wide = M.size(0) < M.size(1);
  const auto f = power_steps(is_wide ? M.t() : M, Q, passes);
  const auto D = at::matmul(f.P, f.Q.t()), captured = at::matmul(f.P, f.R.t());
  return is_wide ? DionParts{D.t(), captured.t(), f.Q} : DionParts{D, captured, f.Q};
}

TEST(Dion, IsThePapersDirection) {
  for (const auto& M : {random_normal(13, 9, 801), random_normal(9, 13, 802), random_normal(9, 9, 803)})
    for (const int64_t k : {1, 4, 9})
      for (const int64_t passes : {1, 3}) {
        const auto rule = dion(k, passes);
        auto warm = random_normal(M.size(1), k, 804);
        const auto used = [&] { return warm.narrow(0, 0, 9); };
        const auto exact = dion_parts(M, used().clone(), passes);
        const auto D = rule->direction(M, &warm);
        const auto& term = std::get<LowRankTerm>(D.terms.at(0));
        EXPECT_LE(relative_error(to_dense(D, M), -exact.D), 1e-12);
        EXPECT_LE(relative_error(used(), exact.Q), 1e-12);
        EXPECT_LE(relative_error(at::matmul(term.U * term.S, term.V.t()), exact.captured), 1e-12);
      }
}

TEST(Dion, BecomesFanionWhereMStays) {
  const auto M = with_spectrum(30, 25, geometric(25, 0.6), 804);
  const auto rule = dion(4);
  auto warm = initial_warm_start(*rule, 30, 25, M.options());
  for (int i = 0; i < 60; ++i) rule->direction(M, &warm);
  EXPECT_LE(relative_error(to_dense(rule->direction(M, &warm), M), -flattened_top(M, 4)), 1e-10);
}

TEST(Dion, OfABatchIsThatOfItsMatrices) {
  const auto M = at::stack({random_normal(9, 6, 805), at::zeros({9, 6}, at::kDouble), 1e3 * random_normal(9, 6, 806)});
  const auto rule = dion(3, 2);
  auto warm = at::stack({random_normal(6, 3, 807), random_normal(6, 3, 808), random_normal(6, 3, 809)});
  auto own = warm.clone();
  const auto D = rule->batch_direction(M, &warm);
  for (int64_t i = 0; i < 3; ++i) {
    auto one = own[i];
    const auto d = rule->direction(M[i], &one);
    EXPECT_LE(frobenius_norm(to_dense(D, M)[i] - to_dense(d, M[i])), 1e-12) << i;
    EXPECT_LE(frobenius_norm(warm[i].abs() - own[i].abs()), 1e-12) << i;  // up to signs
    EXPECT_LE(frobenius_norm(std::get<LowRankTerm>(D.terms[0]).S[i] - std::get<LowRankTerm>(d.terms[0]).S), 1e-9) << i;
  }
}

TEST(Dion, ZeroGivesZeroAndKeepsItsStart) {
  auto warm = random_normal(6, 3, 811);
  const auto before = warm.clone();
  const auto M = at::zeros({9, 6}, at::kDouble);
  EXPECT_EQ(frobenius_norm(to_dense(dion(3)->direction(M, &warm), M)), 0);
  EXPECT_TRUE(same_bits(warm, before));
}

TEST(Dion, OfLowerRankHasNoOtherDirections) {
  const auto M = at::matmul(random_normal(30, 2, 812), random_normal(2, 20, 813));
  const auto rule = dion(5, 6);
  auto warm = initial_warm_start(*rule, 30, 20, M.options());
  const auto D = to_dense(rule->direction(M, &warm), M);
  EXPECT_NEAR(frobenius_norm(D), std::sqrt(2.0), 1e-10);
}

TEST(Dion, OfAnyScale) {
  const auto G = random_normal(30, 20, 814).to(at::kFloat), start = random_normal(20, 3, 815).to(at::kFloat);
  const auto rule = dion(3);
  const auto of = [&](double scale) {
    auto warm = start.clone();
    return rule->direction((G * scale).to(at::kFloat), &warm);
  };
  const auto at_one = of(1);
  for (const double scale : {0x1p-110, 0x1p-60, 0x1p+60, 0x1p+124}) {
    const auto D = of(scale);
    EXPECT_LE(relative_error(to_dense(D, G), to_dense(at_one, G)), 1e-6) << scale;
    EXPECT_LE(relative_error(std::get<LowRankTerm>(D.terms[0]).S / scale, std::get<LowRankTerm>(at_one.terms[0]).S),
              1e-6)
        << scale;
  }
}

TEST(Dion, RefusesWhatDoesNotFit) {
  EXPECT_VALUE_ERROR(dion(0), "k = 0 must be at least 1");
  EXPECT_VALUE_ERROR(dion(2, 0), "passes = 0 must be at least 1");
  EXPECT_VALUE_ERROR(dion(7)->warm_columns(9, 6), "k = 7 is out of range: a 9 x 6 matrix allows 1 to 6");
}

/// The paper's Algorithm 1 in float64, with the scale and the decay of its authors' code, beside the preset.
TEST(Dion, PresetTakesThePapersSteps) {
  for (const auto& [m, n] : std::vector<std::pair<int64_t, int64_t>>{{14, 10}, {10, 14}}) {
    const optim::LmoSettings settings = optim::dion(4);
    auto W = random_normal(m, n, 821), exact = W.clone(), B = at::zeros_like(W);
    const auto state = optim::initial_state(W, settings);
    auto Q = state[1].second.narrow(0, 0, 10).clone();
    for (uint64_t step = 0; step < 25; ++step) {
      const auto g = random_normal(m, n, 822 + step);
      optim::step_({{W, g, state}}, {settings});
      B = B + g;
      const auto parts = dion_parts(B, Q, 1);
      B = B - 0.05 * parts.captured;
      Q = parts.Q;
      const double lr = 0.01, scale = std::sqrt(static_cast<double>(m) / static_cast<double>(n));
      exact = (1 - lr * 0.01) * exact - lr * scale * parts.D;
      EXPECT_LE(relative_error(W, exact), 1e-12) << step;
      EXPECT_LE(relative_error(state[0].second, B), 1e-12) << step;
      EXPECT_LE(relative_error(state[1].second.narrow(0, 0, 10), Q), 1e-11) << step;
    }
  }
}

}  // namespace
}  // namespace fanion::norms
