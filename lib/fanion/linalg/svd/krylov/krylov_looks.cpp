#include "fanion/linalg/svd/krylov/krylov_looks.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cmath>

#include "fanion/linalg/svd/returned_residuals.h"
#include "fanion/linalg/svd/stopwatch.h"

namespace fanion::linalg {
namespace {

void keep_smaller(std::vector<double>& best, const std::vector<double>& fresh) {
  for (std::size_t i = 0; i < best.size(); ++i) best[i] = std::min(best[i], fresh[i]);
}

}  // namespace

KrylovLooks::KrylovLooks(const LinearOperator& A, int64_t k, const SvdOptions& options, const KrylovBasis& basis)
    : k_(k),
      criterion_(options.criterion),
      tol_(options.tol),
      limit_(std::min(A.rows(), A.cols())),
      A_(A),
      basis_(basis) {
  forget_random_bounds();
  proved_ = random_;
}

Look KrylovLooks::look() {
  const Stopwatch watch(seconds_);
  Look seen;
  const int64_t p = basis_.size(), count = std::min(k_ + 1, p);
  seen.svd = basis_.projected(count);
  seen.residual = basis_.leaving(seen.svd.Q.view(), count);
  const auto& r = seen.residual;
  const auto& S = seen.svd.S;
  double worst = 0, largest = 0;
  for (int64_t i = 0; i < std::min(k_, count); ++i) {
    worst = std::max(worst, basis_.residual(r[i], S[i], S[0]));
    largest = std::max(largest, r[i]);
  }
  const double relative = seen.relative = S[0] > 0 ? worst / S[0] : 0, rounding = A_.relative_rounding(S[0]);
  seen.hopeless = criterion_ == SvdCriterion::residual && count >= k_ && S[0] > 0 &&
                  basis_.residual(0, S[k_ - 1], S[0]) > tol_ / 2 * S[0];
  seen.crowded = crowded(S, r, count);
  if (seen.crowded) forget_random_bounds();  // a crowd of equal values voids what the random block has told
  seen.value = seen.estimate = relative;
  if (criterion_ == SvdCriterion::residual) {
    // The rounding of what will be returned comes on top; near it, residuals are measured, and half of tol is enough.
    const bool near = near_rounding(tol_, A_, S[0]);
    seen.value = seen.estimate = near ? 2 * relative : relative + residual_rounding(A_, S[0]);
    seen.standing = count >= k_ && relative <= rounding && seen.value > tol_;
  }
  if (count < std::min(k_ + 1, limit_)) seen.value = seen.estimate = std::numeric_limits<double>::infinity();
  if (criterion_ == SvdCriterion::residual || criterion_ == SvdCriterion::passes) return seen;

  if (count >= std::min(k_ + 1, limit_) && std::max(largest, r.back()) <= 16 * rounding * S[0] * S[0]) {
    seen.least = least_bound(S);
    seen.standing = seen.least > tol_;
  }
  const auto known = relation(seen);
  keep_smaller(proved_, proved_bounds(known, k_));
  const bool ranked = criterion_ == SvdCriterion::rank_k;
  EigenvalueBounds guess{{}, BoundKind::probabilistic, unseen(known)};
  for (int64_t i = 0; i <= k_; ++i)
    guess.upper.push_back(std::min(proved_[i], i < count ? S[i] * S[i] + (i < k_ && ranked ? 0.0 : r[i]) : 0.0));
  seen.estimate = criterion_value(criterion_, bounds_from(S, r, guess), relative);
  seen.value = std::numeric_limits<double>::infinity();
  if (seen.estimate > tol_) return seen;  // bounds are no smaller, and cost more than what has been done so far
  find_bounds(seen);
  seen.value = criterion_value(criterion_, seen.bounds, relative);
  return seen;
}

/// Whether a group of close Ritz values is as large as the bounds' random block allows, or larger.
bool KrylovLooks::crowded(const std::vector<double>& S, const std::vector<double>& r, int64_t count) const {
  const auto random = basis_.random_coordinates();
  if (!random.defined() || basis_.size() == limit_) return false;
  const int64_t most = std::max<int64_t>(most_alike(random.size(1)), 1);
  for (int64_t i = 0, first = 0; i < count && S[i] > 1e-3 * S[0]; ++i) {
    const double width = kAlike * S[i] * S[i] + r[i];
    while (S[first] * S[first] - S[i] * S[i] > width) ++first;
    if (i - first + 1 > most && r[i] <= kAlike * S[i] * S[i]) return true;
  }
  return false;
}

SvdBounds KrylovLooks::bounds_from(std::vector<double> S, std::vector<double> r, const EigenvalueBounds& upper) const {
  for (auto& each : S) each *= each;
  S.resize(std::max<int64_t>(std::ssize(S), k_), 0.0);
  r.resize(k_, std::numeric_limits<double>::infinity());
  return svd_bounds(S, r, upper, basis_.relation_error(S.empty() ? 0.0 : std::sqrt(S[0])));
}

/// The criterion's bound for exact triplets with these values.
double KrylovLooks::least_bound(const std::vector<double>& S) const {
  EigenvalueBounds exact{{}, BoundKind::proved};
  for (int64_t i = 0; i <= k_; ++i) exact.upper.push_back(i < std::ssize(S) ? S[i] * S[i] : 0.0);
  return criterion_value(criterion_, bounds_from(S, std::vector<double>(k_, 0.0), exact), 0.0);
}

LanczosRelation KrylovLooks::relation(const Look& seen) const {
  auto theta = seen.svd.S;
  for (auto& each : theta) each *= each;
  return {.theta = std::move(theta),
          .vectors = seen.svd.Q.view(),
          .coupling = basis_.coupling(),
          .start = seen.crowded ? at::Tensor() : basis_.random_coordinates(),
          .limit = limit_,
          .frobenius_squared = A_.frobenius_squared().value_or(-1),
          .eps = basis_.relation_error(seen.svd.S[0])};
}

void KrylovLooks::add_bounds(Look& seen) {
  const Stopwatch watch(seconds_);
  find_bounds(seen);
}

/// From everything seen so far.
void KrylovLooks::find_bounds(Look& seen) {
  const auto known = relation(seen);
  keep_smaller(proved_, proved_bounds(known, k_));
  keep_smaller(random_, random_bounds(known, k_));
  upper_ = tightest(proved_, random_, unseen(known));
  seen.bounds = bounds_from(seen.svd.S, seen.residual, upper_);
}

void KrylovLooks::take_half_step(Look& seen, HalfStep& half) const {
  seen.bounds = half_step_bounds(half, upper_, basis_.relation_error(seen.svd.S[0]));
}

}  // namespace fanion::linalg
