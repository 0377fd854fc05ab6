#include "fanion/linalg/svd/svd_bounds.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fanion::linalg {

SvdBounds svd_bounds(const std::vector<double>& theta, const std::vector<double>& residual, EigenvalueBounds known,
                     double eps) {
  const auto k = static_cast<int64_t>(residual.size());
  auto& upper = known.upper;
  SvdBounds bounds{.kind = known.kind};
  if (known.kind == BoundKind::none) return bounds;
  if (known.kind == BoundKind::probabilistic) bounds.failure_probability = kFailureProbability;

  const double next = upper[k], rounding = 8 * eps * theta[0];
  double found = 0, beyond = 0, raised = 0, tau = 0, weighted = 0;
  for (int64_t i = 0; i < k; ++i) {
    const double gap = theta[i] - next;
    const double t = gap > 0 ? (residual[i] + 4 * eps * theta[0]) / gap : std::numeric_limits<double>::infinity();
    found += theta[i];
    beyond += t < 1 ? std::min(next * t * t, theta[i]) : theta[i];
    raised += std::max(upper[i] - theta[i], 0.0);
    tau += t * t;
    weighted += theta[i] * t * t;
  }
  if (tau < 1) raised = std::min(raised, weighted / (1 - tau) + rounding);
  raised = std::min(raised, known.rest);
  constexpr double kNothing = 1e-290;  // what rounding leaves of the zero matrix
  const double turned = upper[0] * tau + beyond;
  bounds.rank_k = found > 0            ? std::sqrt(std::min(raised + 2 * beyond, turned) / found) + 32 * eps
                  : raised <= kNothing ? 0.0
                                       : std::numeric_limits<double>::infinity();

  double sum = 0, possible = 0;
  for (int64_t i = 0; i < k; ++i) {
    upper[i] = std::min(upper[i], theta[i] + raised + rounding);
    sum += std::sqrt(std::max(theta[i], 0.0));
    possible += std::sqrt(std::max(upper[i], 0.0));
  }
  if (theta[k - 1] > 0) possible = std::min(possible, sum + raised / (2 * std::sqrt(theta[k - 1])));
  bounds.lmo_gap = possible > std::sqrt(kNothing) ? std::max(1 - sum / possible, 0.0) + 8 * eps : 0.0;
  for (auto& each : upper) each = std::sqrt(std::max(each, 0.0));
  bounds.upper = to_tensor({upper.begin(), upper.begin() + k}, at::kDouble);
  bounds.next_upper = upper[k];
  return bounds;
}

bool rests_on_bounds(SvdCriterion criterion) {
  switch (criterion) {
    case SvdCriterion::rank_k:
    case SvdCriterion::lmo_gap: return true;
    case SvdCriterion::residual:
    case SvdCriterion::passes: return false;
  }
  TORCH_INTERNAL_ASSERT(false, "a criterion that is none");
}

double criterion_value(SvdCriterion criterion, const SvdBounds& bounds, double relative_residual) {
  switch (criterion) {
    case SvdCriterion::rank_k: return bounds.rank_k;
    case SvdCriterion::lmo_gap: return bounds.lmo_gap;
    case SvdCriterion::residual:
    case SvdCriterion::passes: return relative_residual;
  }
  TORCH_INTERNAL_ASSERT(false, "a criterion that is none");
}

}  // namespace fanion::linalg
