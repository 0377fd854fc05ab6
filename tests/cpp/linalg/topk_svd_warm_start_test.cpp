#include <ATen/ops/diag.h>
#include <ATen/ops/zeros.h>

#include "certificates.h"
#include "fanion/linalg/topk_svd.h"
#include "zoo.h"

namespace fanion::linalg {
namespace {

using namespace fanion::testing;

at::Tensor falling() { return with_spectrum(260, 220, geometric(40, 0.9), 41); }

TEST(TopkSvdWarmStart, WarmStartSavesWorkAndLosesNothing) {
  const auto A = falling();
  const auto V = topk_svd(A, 3, {.method = SvdMethod::dense}).V;
  const auto cold =
      topk_svd(A, 3, {.method = SvdMethod::subspace, .criterion = SvdCriterion::passes, .passes = 1, .oversample = 0});
  const auto warm = topk_svd(A, 3,
                             {.method = SvdMethod::subspace,
                              .criterion = SvdCriterion::passes,
                              .passes = 1,
                              .oversample = 0,
                              .warm_start = V});
  EXPECT_GT(two_sided_residual(A, cold.U, cold.S, cold.V), 1e-2)
      << "one cold pass must not be enough, or this proves nothing";
  EXPECT_LE(two_sided_residual(A, warm.U, warm.S, warm.V), 1e-12);
  const auto cold_lanczos =
      topk_svd(A, 1, {.method = SvdMethod::lanczos, .criterion = SvdCriterion::residual, .tol = 1e-5, .basis = 4});
  const auto warm_lanczos = topk_svd(A, 1,
                                     {.method = SvdMethod::lanczos,
                                      .criterion = SvdCriterion::residual,
                                      .tol = 1e-5,
                                      .basis = 4,
                                      .warm_start = V.narrow(1, 0, 1)});
  EXPECT_LT(warm_lanczos.report.products, cold_lanczos.report.products);
  EXPECT_LE(two_sided_residual(A, warm_lanczos.U, warm_lanczos.S, warm_lanczos.V), 1e-5) << "the default tol";
}

TEST(TopkSvdWarmStart, FixedPassesStartFromTheWholeGuess) {
  for (const auto dtype : {at::kFloat, at::kDouble})
    for (const auto& [m, n] : std::vector<std::pair<int64_t, int64_t>>{{220, 220}, {300, 120}, {120, 300}, {60, 900}}) {
      SCOPED_TRACE(c10::str(m, " x ", n, " ", dtype));
      const auto before = with_spectrum(m, n, geometric(std::min(m, n), 0.95), 46).to(dtype);
      const auto A = before + 0.005 * random_normal(m, n, 47).to(dtype);
      const auto sum_of = [&](SvdMethod method, int64_t passes, const at::Tensor& V, int64_t block) {
        const auto svd = topk_svd(A, 4,
                                  {.method = method,
                                   .criterion = SvdCriterion::passes,
                                   .passes = passes,
                                   .oversample = V.size(1) - 4,
                                   .block = block,
                                   .warm_start = V});
        EXPECT_LE(orthonormality_error(svd.U), 1e-4);
        EXPECT_LE(orthonormality_error(svd.V), 1e-4);
        return svd.S.sum().item<double>();
      };
      const double exact = topk_svd(A, 4, {.method = SvdMethod::dense}).S.sum().item<double>();
      for (const int64_t columns : {4, 10}) {  // fewer than the default block, and more
        const auto V = topk_svd(before, columns, {.method = SvdMethod::dense}).V;
        for (const int64_t passes : {1, 2}) {
          const double power = sum_of(SvdMethod::subspace, passes, V, 0);
          if (columns == 4) {
            EXPECT_LT(power, exact * (1 - 1e-4)) << "or there is nothing left to gain";
          }
          // Its Krylov space has the space of the power iteration in it; rounding is a few eps.
          EXPECT_GE(sum_of(SvdMethod::block_krylov, passes, V, 0), power - 1e-6 * exact);
          EXPECT_GE(sum_of(SvdMethod::block_krylov, passes, V, columns), power - 1e-6 * exact);
        }
      }
    }
}

TEST(TopkSvdWarmStart, WarmStartMayMissTheAnswer) {
  for (const auto& A : {falling(), at::Tensor(falling().t())}) {
    const auto exact = topk_svd(A, 8, {.method = SvdMethod::dense});
    const auto away = exact.V.narrow(1, 4, 4).contiguous();  // orthogonal to the three wanted vectors
    const auto svd = topk_svd(
        A, 3, {.method = SvdMethod::lanczos, .criterion = SvdCriterion::residual, .tol = 1e-8, .warm_start = away});
    EXPECT_LE(two_sided_residual(A, svd.U, svd.S, svd.V), 1.01e-8);
    for (int64_t i = 0; i < 3; ++i) EXPECT_NEAR(svd.S[i].item<double>(), std::pow(0.9, i), 1e-8);
    const auto many = topk_svd(A, 3,
                               {.method = SvdMethod::subspace,
                                .criterion = SvdCriterion::passes,
                                .passes = 30,
                                .warm_start = random_normal(A.size(1), 20, 44)});
    EXPECT_LE(two_sided_residual(A, many.U, many.S, many.V), 1e-5) << "0.9^(5 * 60), with the default oversample of 4";
  }
}

TEST(TopkSvdWarmStart, LanczosLeavesAnInvariantSubspaceItWasStartedIn) {
  auto sigma = at::zeros({60}, at::kDouble);
  for (int64_t i = 0; i < 60; ++i) sigma[i] = std::pow(0.7, i);
  const auto A = at::diag(sigma);  // products keep exact zeros, so only the solver's own noise finds the first axis
  auto warm = at::zeros({60, 1}, at::kDouble);
  warm.narrow(0, 1, 5).fill_(1);  // more axes than the basis has columns, so that no breakdown helps
  const auto svd = topk_svd(
      A, 1,
      {.method = SvdMethod::lanczos, .criterion = SvdCriterion::residual, .tol = 1e-8, .basis = 4, .warm_start = warm});
  EXPECT_NEAR(svd.S[0].item<double>(), 1, 1e-8);
}

TEST(TopkSvdWarmStart, WarmStartIsNotWrittenTo) {
  for (const auto dtype : {at::kFloat, at::kDouble}) {
    const auto A = falling().to(dtype);
    const auto V = random_normal(220, 3, 45).to(dtype).t().contiguous().t(), before = V.clone();
    for (const auto method : {SvdMethod::lanczos, SvdMethod::subspace, SvdMethod::block_krylov}) {
      topk_svd(A, 3, {.method = method, .warm_start = V});
      EXPECT_TRUE(same_bits(V, before)) << name_of(method);
      for (const int64_t passes : {1, 2}) {
        topk_svd(A, 3,
                 {.method = method,
                  .criterion = SvdCriterion::passes,
                  .passes = passes,
                  .block = method == SvdMethod::block_krylov ? 3 : 0,
                  .warm_start = V});
        EXPECT_TRUE(same_bits(V, before)) << name_of(method) << ", " << passes << " passes";
      }
    }
  }
}

}  // namespace
}  // namespace fanion::linalg
