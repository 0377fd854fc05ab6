#include "fanion/linalg/batched_svd.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include <limits>

#include "certificates.h"
#include "zoo.h"

namespace fanion::linalg {
namespace {

using namespace fanion::testing;

constexpr int64_t kRows = 40, kColumns = 30, kTriplets = 3;

/// Matrices of very different sizes, one of them zero.
at::Tensor batch(at::ScalarType dtype) {
  std::vector<at::Tensor> all;
  for (const double size : {1.0, 1e-12, 0.0, 1e12, 3.0, 7.0})
    all.push_back(size * with_spectrum(kRows, kColumns, geometric(kColumns, 0.7), 80 + all.size()));
  return at::stack(all).to(dtype);
}

/// Every matrix meets what `topk_svd` of it alone must meet, within tol·σ₁.
void expect_triplets_of_each(const at::Tensor& A, const BatchedSvdResult& svd, double tol) {
  const int64_t b = A.size(0), k = kTriplets;
  ASSERT_EQ(svd.U.sizes(), (at::IntArrayRef{b, A.size(1), k}));
  ASSERT_EQ(svd.S.sizes(), (at::IntArrayRef{b, k}));
  ASSERT_EQ(svd.V.sizes(), (at::IntArrayRef{b, A.size(2), k}));
  ASSERT_EQ(svd.reports.size(), static_cast<std::size_t>(b));
  for (int64_t i = 0; i < b; ++i) {
    SCOPED_TRACE(c10::str("matrix ", i));
    EXPECT_LE(two_sided_residual(A[i], svd.U[i], svd.S[i], svd.V[i]), tol);
    EXPECT_LE(orthonormality_error(svd.U[i]), 100 * working_eps(A.scalar_type()));
    EXPECT_LE(orthonormality_error(svd.V[i]), 100 * working_eps(A.scalar_type()));
    const auto sigma = exact_singular_values(A[i]);
    for (int64_t j = 0; j < k; ++j) EXPECT_NEAR(svd.S[i][j].item<double>(), sigma[j], tol * sigma[0]);
  }
}

double batch_tolerance(at::ScalarType dtype) { return dtype == at::kDouble ? 1e-9 : 2e-5; }

TEST(BatchedSvd, EveryMatrixMeetsTheCertificates) {
  for (const auto dtype : {at::kDouble, at::kFloat, at::kBFloat16}) {
    for (const auto method : {SvdMethod::automatic, SvdMethod::dense, SvdMethod::lanczos, SvdMethod::subspace}) {
      SCOPED_TRACE(c10::str(dtype, " ", name_of(method)));
      const auto A = batch(dtype);
      // 0.7^(2·40) = 4e-13: the passes leave rounding alone.
      const SvdOptions options{
          .method = method,
          .criterion = method == SvdMethod::subspace ? SvdCriterion::passes : SvdCriterion::residual,
          .tol = batch_tolerance(dtype) / 2,
          .passes = 40,
          .oversample = 1};
      const auto svd = topk_svd_batch(A, kTriplets, options);
      EXPECT_EQ(svd.S.scalar_type(), dtype == at::kDouble ? at::kDouble : at::kFloat);
      expect_triplets_of_each(A, svd, batch_tolerance(dtype));
      for (const auto& report : svd.reports) {
        if (method != SvdMethod::automatic) {
          EXPECT_EQ(report.method, method);
        }
        EXPECT_EQ(report.status, method == SvdMethod::subspace ? SvdStatus::passes : SvdStatus::converged);
        EXPECT_GT(report.products, 0);
        EXPECT_GT(report.reads, 0);
        EXPECT_FALSE(report.message.empty());
      }
    }
  }
}

TEST(BatchedSvd, ReportsTheResidualsOfEachMatrix) {
  const auto A = batch(at::kDouble);
  const auto svd = topk_svd_batch(A, kTriplets, {.method = SvdMethod::dense});
  for (int64_t i = 0; i < A.size(0); ++i) {
    const auto exact = triplet_residual_norms(A[i], svd.U[i], svd.S[i], svd.V[i]);
    for (int64_t j = 0; j < kTriplets; ++j)
      EXPECT_NEAR(svd.reports[i].residuals[j].item<double>(), exact[j], 1e-13 * svd.S[i][0].item<double>());
  }
}

TEST(BatchedSvd, TransposedStridedAndExpandedBatches) {
  const auto A = batch(at::kDouble);
  for (const auto method : {SvdMethod::dense, SvdMethod::lanczos}) {
    for (const auto& view : {A.mT(), A.slice(0, 0, std::nullopt, 2), A.slice(2, 0, std::nullopt, 2),
                             A.narrow(0, 4, 1).expand({3, kRows, kColumns}), A.permute({1, 0, 2}).narrow(0, 0, 5)}) {
      SCOPED_TRACE(c10::str(name_of(method), " ", view.sizes(), " strides ", view.strides()));
      expect_triplets_of_each(
          view, topk_svd_batch(view, kTriplets, {.method = method, .criterion = SvdCriterion::residual, .tol = 1e-10}),
          1e-9);
    }
  }
}

TEST(BatchedSvd, SameBatchSameBits) {
  const auto A = batch(at::kFloat);
  for (const auto method : {SvdMethod::dense, SvdMethod::lanczos, SvdMethod::subspace}) {
    const auto one = topk_svd_batch(A, kTriplets, {.method = method});
    const auto two = topk_svd_batch(A, kTriplets, {.method = method});
    EXPECT_TRUE(same_bits(one.U, two.U) && same_bits(one.S, two.S) && same_bits(one.V, two.V)) << name_of(method);
  }
}

TEST(BatchedSvd, AGeneratorIsDrawnFromInTheOrderOfTheBatch) {
  const auto A = batch(at::kDouble);
  const SvdOptions passes{.method = SvdMethod::subspace, .criterion = SvdCriterion::passes, .passes = 1};
  auto drawn = passes;
  drawn.generator = at::detail::createCPUGenerator(5);
  const auto svd = topk_svd_batch(A, kTriplets, drawn);
  drawn.generator = at::detail::createCPUGenerator(5);
  for (int64_t i = 0; i < A.size(0); ++i)
    EXPECT_TRUE(same_bits(svd.S[i], topk_svd(A[i], kTriplets, drawn).S)) << "matrix " << i;
}

TEST(BatchedSvd, EachMatrixHasItsWarmStart) {
  const auto A = batch(at::kDouble);
  const auto exact = topk_svd_batch(A, kTriplets, {.method = SvdMethod::dense});
  const SvdOptions one_pass{
      .method = SvdMethod::subspace, .criterion = SvdCriterion::passes, .passes = 1, .oversample = 0};
  auto warm = one_pass;
  warm.warm_start = exact.V;
  const auto hot = topk_svd_batch(A, kTriplets, warm).S, cold = topk_svd_batch(A, kTriplets, one_pass).S;
  for (int64_t i = 0; i < A.size(0); ++i) {
    const double sigma1 = exact.S[i][0].item<double>();
    EXPECT_LE((hot[i] - exact.S[i]).abs().max().item<double>(), 1e-12 * sigma1);
    if (sigma1 > 0) {
      EXPECT_GT((cold[i] - exact.S[i]).abs().max().item<double>(), 1e-6 * sigma1);
    }
  }
}

TEST(BatchedSvd, EmptyBatchGivesEmptyResults) {
  for (const auto dtype : {at::kDouble, at::kBFloat16}) {
    const auto svd = topk_svd_batch(at::empty({0, 4, 7}, dtype), 2);
    EXPECT_EQ(svd.U.sizes(), (at::IntArrayRef{0, 4, 2}));
    EXPECT_EQ(svd.S.sizes(), (at::IntArrayRef{0, 2}));
    EXPECT_EQ(svd.V.sizes(), (at::IntArrayRef{0, 7, 2}));
    EXPECT_EQ(svd.S.scalar_type(), dtype == at::kDouble ? at::kDouble : at::kFloat);
    EXPECT_TRUE(svd.reports.empty());
  }
}

TEST(BatchedSvd, RefusesWrongInput) {
  auto A = batch(at::kDouble);
  EXPECT_VALUE_ERROR(topk_svd_batch(A[0], 2), "3 dimensions (b, m, n), got 2");
  EXPECT_VALUE_ERROR(topk_svd_batch(at::Tensor(), 2), "3 dimensions (b, m, n), got 0");
  EXPECT_VALUE_ERROR(topk_svd_batch(A, 31), "k = 31 is out of range: a 40 x 30 matrix has 1 to 30");
  EXPECT_VALUE_ERROR(topk_svd_batch(at::empty({0, 4, 7}), 5), "k = 5 is out of range");
  EXPECT_VALUE_ERROR(topk_svd_batch(A, 2, {.tol = 2}), "tol = 2 must lie in (0, 1)");
  EXPECT_VALUE_ERROR(topk_svd_batch(A, 2, {.warm_start = at::ones({30, 2}, at::kDouble)}),
                     "warm_start has shape [30, 2]; expected (6, 30, j)");
  EXPECT_VALUE_ERROR(topk_svd_batch(A, 2, {.warm_start = at::ones({5, 30, 2}, at::kDouble)}), "expected (6, 30, j)");
  EXPECT_VALUE_ERROR(topk_svd_batch(at::ones({2, 3, 4}, at::kLong), 1), "got Long");
  A[4][1][1] = std::numeric_limits<double>::quiet_NaN();
  A[4][2][1] = std::numeric_limits<double>::infinity();
  EXPECT_VALUE_ERROR(topk_svd_batch(A, 2), "matrix 4 of the batch has 2 NaN or infinite entries out of 1200");
}

}  // namespace
}  // namespace fanion::linalg
