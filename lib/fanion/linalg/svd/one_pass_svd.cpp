// Method: one pass over A from a block that nearly holds the leading directions.
// Algorithm: Y = A X, Z = AᵀY for orthonormal X (n × b), and the half step (half_step.h), which gives the best triplets
//   with û in the span of Y; where σ̂ₖ is too small for that, those with v̂ in the span of X. The Krylov method of one
//   step, without what it keeps for others.
// Rounding: as in the half step; nothing where squares leave the range.
// Cost: 4mnb flops and one or two reads of A, plus O((m + n)b²).

#include <algorithm>
#include <cmath>

#include "fanion/host_numbers.h"
#include "fanion/kernels/skinny_product.h"
#include "fanion/linalg/svd/half_step.h"
#include "fanion/linalg/svd/krylov/block_lanczos.h"
#include "fanion/linalg/svd/stopwatch.h"
#include "fanion/linalg/svd/svd_methods.h"

namespace fanion::linalg {
namespace {

/// The pass: AᵀA X = X T + what is outside, with T's eigenvalues and the Gram matrix of what is outside.
struct Pass {
  at::Tensor X, Y, Z;
  ProjectedSvd seen;
  SmallMatrix outside;
};

std::optional<Pass> pass(const LinearOperator& A, at::Tensor start, SvdSeconds& seconds) {
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
  const double largest = largest_column(Z);
  if (largest != 0 && !squares_in_range(largest, A)) return std::nullopt;
  auto outside = kernels::copied_block(Z);
  auto seen = from_gram(project_out(X, outside), /*in_float=*/false);
  return Pass{X, Y, Z, std::move(seen), self_product(outside)};
}

std::optional<HalfStep> half_step_of(const Pass& p, int64_t k) {
  return half_step({.seen = p.seen,
                    .left = p.outside,
                    .image = [&](const SmallMatrix& M) { return combination(p.Y, M); },
                    .adjoint = [&](const SmallMatrix& M, const SmallMatrix&) { return combination(p.Z, M); }},
                   k);
}

/// The triplets with v̂ in the span of X, their residuals and bounds.
SvdResult ritz_triplets(const Pass& p, int64_t k, EigenvalueBounds upper, double eps) {
  auto turned = p.seen.Q.first_columns(k);
  const auto ritz = rayleigh_ritz(combination(p.Y, turned));
  ritz.turn(turned);
  auto theta = ritz.S, residuals = lengths(p.outside, turned);
  const auto eigen = residuals;
  const double rounding = kBlurredRelation * eps * p.seen.S[0] * p.seen.S[0],
               most = std::sqrt(upper.upper[0]);  // at most ‖A‖₂
  for (int64_t i = 0; i < k; ++i) {
    const double sigma = theta[i];
    residuals[i] = sigma > 0 ? std::min((eigen[i] + rounding) / sigma, most) : most;
    theta[i] *= sigma;
  }
  SvdResult result{ritz.U, to_tensor(ritz.S, p.Y.options()), combination(p.X, turned), {}};
  result.report.residuals = to_tensor(residuals, at::kDouble);
  result.report.bounds = svd_bounds(theta, eigen, std::move(upper), eps);
  return result;
}

EigenvalueBounds proved(const LinearOperator& A, const ProjectedSvd& seen, int64_t k) {
  auto theta = seen.S;
  for (auto& each : theta) each *= each;
  const LanczosRelation relation{.theta = std::move(theta),
                                 .limit = std::min(A.rows(), A.cols()),
                                 .frobenius_squared = A.frobenius_squared().value_or(-1),
                                 .eps = A.relative_rounding(seen.S[0])};
  const std::vector<double> none(k + 1, std::numeric_limits<double>::infinity());
  return tightest(proved_bounds(relation, k), none, unseen(relation));
}

}  // namespace

std::optional<SvdResult> one_pass_svd(const LinearOperator& A, int64_t k, at::Tensor start) {
  SvdSeconds seconds;
  const auto p = pass(A, std::move(start), seconds);
  if (!p) return std::nullopt;
  const auto upper = proved(A, p->seen, k);
  const double eps = A.relative_rounding(p->seen.S[0]);
  SvdResult result;
  {
    const Stopwatch watch(seconds.basis);
    if (auto half = half_step_of(*p, k)) {
      auto bounds = half_step_bounds(*half, upper, eps);
      result = std::move(half->triplets);
      result.report.bounds = std::move(bounds);
    } else {
      result = ritz_triplets(*p, k, upper, eps);
    }
  }
  result.report.seconds = seconds;
  result.report.status = SvdStatus::passes;
  result.report.message = "one pass from a block " + std::to_string(p->X.size(1)) + " wide";
  return result;
}

}  // namespace fanion::linalg
