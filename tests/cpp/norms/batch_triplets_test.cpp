#include "fanion/norms/batch_triplets.h"

#include <ATen/ops/isfinite.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include "certificates.h"
#include "zoo.h"

namespace fanion::norms {
namespace {

using namespace fanion::testing;

constexpr TripletOptions kPasses{.method = linalg::SvdMethod::subspace, .passes = 30};

at::Tensor guess_for(const at::Tensor& batch, int64_t columns) {
  return random_normal(batch.size(2), columns, 921).to(batch.scalar_type()).repeat({batch.size(0), 1, 1});
}

TEST(BatchTriplets, AreThoseOfEveryMatrixBySvd) {
  for (const auto dtype : {at::kDouble, at::kFloat})
    for (const auto& [m, n] : std::vector<std::pair<int64_t, int64_t>>{{20, 12}, {12, 20}}) {
      std::vector<at::Tensor> all;
      for (const double size : {1.0, 1e30, 1e-30})
        all.push_back(size * with_spectrum(m, n, geometric(12, 0.3), 922));  // passes shrink what is left by 0.3² each
      const auto M = at::stack(all).to(dtype);
      for (const int64_t k : {1, 3}) {
        auto warm = guess_for(M, k + 2);
        const auto [U, S, V] = batch_triplets(M, k, kPasses, &warm);
        for (int64_t i = 0; i < M.size(0); ++i) {
          SCOPED_TRACE(c10::str(dtype, " ", m, " x ", n, " k = ", k, " matrix ", i));
          const double eps = working_eps(dtype), first = S[i][0].item<double>();
          const auto svd = exact_svd(M[i].to(at::kDouble));
          EXPECT_LE((S[i].to(at::kDouble) - svd.S.narrow(0, 0, k)).abs().max().item<double>(), 20 * eps * first);
          EXPECT_LE(orthonormality_error(U[i]), 100 * eps);
          EXPECT_LE(orthonormality_error(V[i]), 100 * eps);
          const auto unit = M[i].to(at::kDouble) / first;
          EXPECT_LE(two_sided_residual(unit, U[i].to(at::kDouble), S[i].to(at::kDouble) / first, V[i].to(at::kDouble)),
                    50 * eps);
        }
      }
    }
}

/// −UVᵀ as one matrix after the other gives it.
at::Tensor one_by_one(const at::Tensor& M, int64_t k, at::Tensor warm) {
  std::vector<at::Tensor> all;
  for (int64_t i = 0; i < M.size(0); ++i) {
    auto own = warm[i];
    const auto term = flattened_triplets(M[i], k, {.method = linalg::SvdMethod::subspace}, &own);
    all.push_back(at::matmul(term.U, term.V.t()));
  }
  return at::stack(all);
}

TEST(BatchTriplets, OfOnePassAreThoseOfTheMatrices) {
  const auto M = at::stack({random_normal(15, 11, 923), 2 * random_normal(15, 11, 924), random_normal(15, 11, 925)});
  for (const int64_t k : {1, 2, 4})
    for (const int64_t more : {0, 1, 2}) {
      const auto start = guess_for(M, k + more);
      auto warm = start.clone();
      const auto term = flattened_batch_triplets(M, k, {.method = linalg::SvdMethod::subspace}, &warm);
      EXPECT_LE(relative_error(at::bmm(term.U, term.V.mT()), one_by_one(M, k, start.clone())), 1e-11) << k << more;
    }
}

TEST(BatchTriplets, OfLowerRankHaveNoOtherDirectionsAndKeepTheirStart) {
  for (const auto dtype : {at::kDouble, at::kFloat, at::kBFloat16}) {
    const auto M = at::stack({with_spectrum(15, 11, {2}, 926), at::zeros({15, 11}, at::kDouble),
                              with_spectrum(15, 11, {1, 1, 1}, 927), random_normal(15, 11, 928)})
                       .to(dtype);
    const auto wide = working_batch(M);
    const auto start = guess_for(wide, 6);
    auto warm = start.clone();
    const auto term = flattened_batch_triplets(M, 4, kPasses, &warm);
    for (const auto& X : {term.U, term.V, warm}) EXPECT_TRUE(at::isfinite(X).all().item<bool>());
    const auto energy = at::bmm(term.U, term.V.mT()).square().sum({1, 2});
    // bfloat16 rounds matrices of low rank to full rank; what is beyond it is small but no rounding of float32.
    const double tol = dtype == at::kDouble ? 1e-12 : 1e-5;
    if (dtype != at::kBFloat16) {
      EXPECT_NEAR(energy[0].item<double>(), 1, tol);
      EXPECT_NEAR(energy[2].item<double>(), 3, tol);
      EXPECT_TRUE(same_bits(warm[0].narrow(1, 1, 5), start[0].narrow(1, 1, 5)));
    }
    EXPECT_EQ(energy[1].item<double>(), 0);
    EXPECT_NEAR(energy[3].item<double>(), 4, tol);
    EXPECT_TRUE(same_bits(warm[1], start[1]));
  }
}

}  // namespace
}  // namespace fanion::norms
