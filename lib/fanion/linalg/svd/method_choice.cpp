// What `automatic` stands for.

#include <algorithm>

#include "fanion/linalg/cost_model.h"
#include "fanion/linalg/svd/svd_methods.h"

namespace fanion::linalg {
namespace {

/// The model takes spectra for flat, and few are: `dense` must be that much cheaper for `automatic` to take it.
constexpr double kFlatter = 1.5;

SvdShape shape_of(const LinearOperator& A, int64_t k, const SvdOptions& options) {
  return {.m = A.rows(),
          .n = A.cols(),
          .k = k,
          .in_double = A.options().dtype() == at::kDouble,
          .criterion = options.criterion,
          .tol = options.tol,
          .block = options.block,
          .oversample = options.oversample,
          .warm = options.warm_start.defined()};
}

/// Passes of block_krylov that take a third of the time of `dense`, or 0 where that is too few to be worth trying:
/// what `automatic` gives a matrix whose spectrum may decay before it forms the whole SVD.
int64_t trial_passes(const LinearOperator& A, int64_t k, const SvdOptions& options) {
  constexpr int64_t kLeast = 8, kMost = 64;
  auto shape = shape_of(A, k, options);
  shape.criterion = SvdCriterion::passes;
  const double share = predicted_seconds(SvdMethod::dense, shape, svd_costs()) / 3;
  const auto affordable = [&](int64_t passes) {
    shape.passes = passes;
    return predicted_seconds(SvdMethod::block_krylov, shape, svd_costs()) <= share;
  };
  if (!affordable(kLeast)) return 0;
  int64_t passes = kLeast;
  while (passes < kMost && affordable(passes + 1)) ++passes;
  return passes;
}

}  // namespace

SvdMethod choose_method(const LinearOperator& A, int64_t k, const SvdOptions& options) {
  // A fixed number of passes asks for the most accuracy that they give: a Krylov space, while it is small enough for
  // its projected problem to cost little. One pass from a guess gives the same by either.
  if (options.criterion == SvdCriterion::passes) {
    constexpr int64_t kSmallBasis = 128, kShare = 8;
    const int64_t large = std::max(kSmallBasis, std::min(A.rows(), A.cols()) / kShare);
    const bool small = options.passes.value_or(1) * (k + options.oversample) <= large;
    const bool alike = options.warm_start.defined() && options.passes == 1;
    return small && !alike ? SvdMethod::block_krylov : SvdMethod::subspace;
  }
  // Forming an implicit matrix takes min(m, n) products, which is only worth it where a basis would be as large.
  const int64_t smaller = std::min(A.rows(), A.cols());
  if (!A.is_formed() && smaller > 64 && 4 * k < smaller) return SvdMethod::block_krylov;
  const auto shape = shape_of(A, k, options);
  const auto& costs = svd_costs();
  const double dense = predicted_seconds(SvdMethod::dense, shape, costs);
  const double krylov = predicted_seconds(SvdMethod::block_krylov, shape, costs);
  return dense * kFlatter <= krylov ? SvdMethod::dense : SvdMethod::block_krylov;
}

SvdResult tried_then_dense(const LinearOperator& A, int64_t k, const InnerOptions& options) {
  auto trial = options;
  trial.passes = options.passes ? 0 : trial_passes(A, k, options);
  if (*trial.passes == 0) return dense_svd(A, k, options);
  auto quick = block_krylov_svd(A, k, trial);
  quick.report.method = SvdMethod::block_krylov;
  if (quick.report.status == SvdStatus::converged) return quick;
  auto result = dense_svd(A, k, options);
  result.report.method = SvdMethod::dense;
  result.report.seconds += quick.report.seconds;
  result.report.message += c10::str(", after ", *trial.passes, " passes of block_krylov");
  return result;
}

}  // namespace fanion::linalg
