#include "fanion/linalg/svd/returned_residuals.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/matmul.h>

#include "certificates.h"
#include "fanion/linalg/sparse_operator.h"
#include "linalg/svd_certificates.h"
#include "zoo.h"

namespace fanion::linalg {
namespace {

using namespace fanion::testing;

/// Tolerances around rounding: what is said to hold does, of the triplets as they are returned.
TEST(ReturnedResiduals, ConvergedIsTrueOfWhatIsReturned) {
  for (const bool flat : {false, true}) {
    const Judged A(
        (flat ? random_normal(300, 200, 11) : with_spectrum(300, 200, geometric(200, 0.9), 12)).to(at::kFloat));
    const FunctionOperator functions(
        300, 200, at::kFloat, [&](const at::Tensor& V) { return at::matmul(A.A, V); },
        [&](const at::Tensor& U) { return at::matmul(A.A.t(), U); });
    const SparseOperator sparse(A.A.to_sparse());
    for (const auto method : {SvdMethod::dense, SvdMethod::lanczos, SvdMethod::block_krylov, SvdMethod::subspace})
      for (const double tol : {1e-4, 1e-5, 2e-6, 1e-6, 3e-7, 1e-7, 1e-9, 1e-12}) {
        const SvdOptions options{.method = method, .criterion = SvdCriterion::residual, .tol = tol};
        if (flat && method == SvdMethod::subspace) continue;  // a thousand passes do not do
        for (const auto& svd :
             {topk_svd(A.A, 5, options), topk_svd(functions, 5, options), topk_svd(sparse, 5, options)}) {
          SCOPED_TRACE(
              c10::str(flat ? "flat, " : "decaying, ", name_of(method), " to ", tol, ": ", svd.report.message));
          for (const auto& what : broken_promises(A, svd, tol)) ADD_FAILURE() << what;
          if (tol >= 1e-5) {
            EXPECT_EQ(svd.report.status, SvdStatus::converged);
          }
          if (tol < 1e-8) {
            EXPECT_EQ(svd.report.status, SvdStatus::exhausted);
            EXPECT_NE(svd.report.message.find("is below what can be shown in float"), std::string::npos);
            EXPECT_LE(A.residual(svd), 2e-6) << "as good as rounding lets it be";
          }
        }
      }
  }
}

/// Whatever the criterion, and of the first triplets too, which are known best.
TEST(ReturnedResiduals, LeadingTripletsAreNotFlattered) {
  const Judged A(with_spectrum(500, 300, geometric(300, 0.7), 13).to(at::kFloat));
  for (const auto method : {SvdMethod::dense, SvdMethod::lanczos, SvdMethod::block_krylov, SvdMethod::subspace})
    for (const auto criterion : {SvdCriterion::rank_k, SvdCriterion::lmo_gap, SvdCriterion::passes})
      for (const int64_t k : {1, 6, 20}) {
        const SvdOptions options{.method = method, .criterion = criterion, .tol = 1e-2, .passes = 12};
        for (const auto& what : broken_promises(A, topk_svd(A.A, k, options), 1e-2))
          ADD_FAILURE() << what << "; " << name_of(method) << ", " << name_of(criterion) << ", k = " << k;
      }
}

/// A tolerance that rounding forbids costs no more than the best that there is.
TEST(ReturnedResiduals, WhatCannotBeReachedEndsAtRounding) {
  for (const auto method : {SvdMethod::lanczos, SvdMethod::block_krylov, SvdMethod::subspace})
    for (const auto dtype : {at::kFloat, at::kDouble}) {
      const auto A = with_spectrum(260, 200, geometric(200, 0.95), 14).to(dtype);
      const bool single = dtype == at::kFloat;
      const auto reads = [&](double tol) {
        const auto svd = topk_svd(A, 4, {.method = method, .criterion = SvdCriterion::residual, .tol = tol});
        EXPECT_EQ(svd.report.status == SvdStatus::converged, tol > (single ? 1e-7 : 1e-15)) << svd.report.message;
        return svd.report.reads;
      };
      const auto best = reads(single ? 5e-6 : 1e-13);
      for (const double tol : {1e-8, 1e-10, 1e-14})
        EXPECT_LE(reads(single ? tol : tol * 1e-9), 3 * best) << name_of(method) << " " << dtype << " " << tol;
    }
}

/// Bounds of the rank-k error go down to rounding over the gap; below that the message names the criterion that does.
TEST(ReturnedResiduals, RankKIsCertifiedToRoundingOverTheGap) {
  for (const auto method : {SvdMethod::lanczos, SvdMethod::block_krylov, SvdMethod::automatic}) {
    const Judged A(with_spectrum(500, 400, geometric(400, 0.97), 15));
    const auto fine = topk_svd(A.A, 20, {.method = method, .tol = 1e-10});
    EXPECT_EQ(fine.report.status, SvdStatus::converged) << name_of(method) << ": " << fine.report.message;
    EXPECT_LE(A.rank_k_error(fine), 1e-10);
    if (method == SvdMethod::automatic) continue;
    const auto rounding = topk_svd(A.A, 20, {.method = method, .tol = 1e-16});
    EXPECT_EQ(rounding.report.status, SvdStatus::exhausted);
    EXPECT_NE(rounding.report.message.find("take criterion 'residual'"), std::string::npos) << rounding.report.message;
    EXPECT_LE(rounding.report.reads, 3 * fine.report.reads);
    const auto single = topk_svd(A.A.to(at::kFloat), 20, {.method = method, .tol = 1e-6});
    EXPECT_EQ(single.report.status, SvdStatus::exhausted);
    EXPECT_NE(single.report.message.find("take criterion 'residual'"), std::string::npos) << single.report.message;
  }
}

}  // namespace
}  // namespace fanion::linalg
