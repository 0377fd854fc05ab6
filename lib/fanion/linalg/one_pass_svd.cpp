// Method: one pass over A from a block that nearly holds the leading directions.
// Algorithm: Y = A X, Z = AᵀY for orthonormal X (n × b), and the half step (half_step.h), which gives the best triplets
//   with û in the span of Y. The Krylov method of one step, without what it keeps for others.
// Rounding: as in the half step; nothing where squares leave the range or X has fewer than k directions in A.
// Cost: 4mnb flops and one or two reads of A, plus O((m + n)b²).

#include <cmath>

#include "fanion/linalg/block_lanczos.h"
#include "fanion/linalg/half_step.h"
#include "fanion/linalg/stopwatch.h"
#include "fanion/linalg/svd_methods.h"

namespace fanion::linalg {

std::optional<SvdResult> one_pass_svd(const LinearOperator& A, int64_t k, at::Tensor start) {
  SvdSeconds seconds;
  std::optional<HalfStep> half;
  ProjectedSvd seen;
  {
    at::Tensor X, Y, Z;
    {
      const Stopwatch watch(seconds.basis);
      X = thin_qr(std::move(start)).first;
    }
    {
      const Stopwatch watch(seconds.products);
      std::tie(Y, Z) = A.apply_gram(X);
    }
    const Stopwatch watch(seconds.basis);
    if (!squares_in_range(largest_column(Z), A)) return std::nullopt;
    auto outside = Z.clone();
    seen = from_gram(project_out(X, outside), /*in_float=*/false);
    const HalfStepTerms terms{.seen = seen,
                              .left = SmallMatrix(self_product(outside)),
                              .block = X.size(1),
                              .image = [&](const SmallMatrix& M) { return combination(Y, M); },
                              .adjoint = [&](const SmallMatrix& M, const SmallMatrix&) { return combination(Z, M); }};
    half = half_step(terms, k);
  }
  if (!half) return std::nullopt;

  Stopwatch watch(seconds.projected);
  auto theta = to_doubles(seen.S);
  for (auto& each : theta) each *= each;
  const LanczosRelation relation{.theta = std::move(theta),
                                 .limit = std::min(A.rows(), A.cols()),
                                 .frobenius_squared = A.frobenius_squared().value_or(-1),
                                 .eps = A.eps()};
  const std::vector<double> none(k + 1, std::numeric_limits<double>::infinity());
  const auto upper = tightest(proved_bounds(relation, k), none, unseen(relation));
  auto bounds = half_step_bounds(*half, upper, A.eps());
  auto result = std::move(half->triplets);
  auto& report = result.report;
  report.bounds = std::move(bounds);
  report.seconds = seconds;
  report.status = SvdStatus::passes;
  report.message = c10::str("1 step from a sampled block of ", seen.S.size(0), " columns");
  return result;
}

}  // namespace fanion::linalg
