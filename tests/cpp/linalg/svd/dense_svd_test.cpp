#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "fanion/linalg/topk_svd.h"
#include "linalg/svd_certificates.h"
#include "zoo.h"

namespace fanion::linalg {
namespace {

using namespace fanion::testing;

bool by_squares(const SvdResult& svd) { return svd.report.message.find("Gram matrix") != std::string::npos; }

/// Tall and wide matrices for which the cost model takes the eigenvectors of AᵀA: values down to where float32 ends,
/// and missing ones.
TEST(DenseSvd, SquaresKeepThePromisesOfLapack) {
  for (const double ratio : {1.0, 0.97, 0.8, 0.5})
    for (const int64_t rank : {60, 7})
      for (const bool wide : {false, true}) {
        auto A = with_spectrum(3000, 60, geometric(rank, ratio), 61).to(at::kFloat);
        if (wide) A = A.t().contiguous();
        const Judged judged(A);
        for (const int64_t k : {1, 5, 12}) {
          SCOPED_TRACE(::testing::Message() << "ratio " << ratio << " rank " << rank << " k " << k << " wide " << wide);
          const auto svd =
              topk_svd(A, k, {.method = SvdMethod::dense, .criterion = SvdCriterion::residual, .tol = 1e-5});
          ASSERT_TRUE(by_squares(svd)) << "the model changed: choose another shape";
          EXPECT_EQ(svd.report.status, SvdStatus::converged) << svd.report.message;
          for (const auto& broken : broken_promises(judged, svd, 1e-5)) ADD_FAILURE() << broken;
        }
      }
}

TEST(DenseSvd, NoSquaresInDouble) {
  const auto A = random_normal(3000, 60, 62);
  EXPECT_TRUE(by_squares(topk_svd(A.to(at::kFloat), 2, {.method = SvdMethod::dense})));
  EXPECT_FALSE(by_squares(topk_svd(A, 2, {.method = SvdMethod::dense})));
}

TEST(DenseSvd, ZeroHasOrthonormalVectors) {
  const auto A = at::zeros({3000, 60});
  const auto svd = topk_svd(A, 3, {.method = SvdMethod::dense});
  EXPECT_TRUE(by_squares(svd));
  for (const auto& broken : broken_promises(Judged(A), svd, 1e-2)) ADD_FAILURE() << broken;
}

}  // namespace
}  // namespace fanion::linalg
