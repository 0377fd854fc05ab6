#pragma once

#include <vector>

#include "fanion/linalg/svd/krylov/krylov_basis.h"
#include "fanion/linalg/svd/svd_bounds.h"

namespace fanion::linalg {

/// What one look at the projected problem of a Krylov basis tells.
struct Look {
  ProjectedSvd svd;
  std::vector<double> residual;  ///< ‖AᵀAv̂ᵢ − θᵢv̂ᵢ‖ for i ≤ min(k + 1, p)
  SvdBounds bounds;              ///< undefined where the criterion does without, or the estimate is above tol
  double relative = 0;           ///< the largest residual over σ̂₁
  double value = 0;              ///< of the criterion, to compare with tol; infinite where that is above tol
  double estimate = 0;           ///< the same with σ_{k+1} taken from its Ritz value; no bound
  bool standing = false;         ///< rounding is all that is left, and keeps the criterion from holding
  double least = 0;              ///< of a look that is standing: what rounding makes of rank_k's or lmo_gap's bound
  bool crowded = false;          ///< more values agree than the random block can tell apart
  bool hopeless = false;         ///< rounding of this form of the basis alone keeps the residuals above tol
};

/// Looks at one basis as it grows; it remembers the bounds, for an upper bound, once found, stays one.
class KrylovLooks {
 public:
  KrylovLooks(const LinearOperator& A, int64_t k, const SvdOptions& options, const KrylovBasis& basis);
  Look look();
  /// The bounds of a look whose criterion does without.
  void add_bounds(Look& seen);
  /// Bounds of triplets with Aᵀû = σ̂v̂ in place of the look's, and their residuals.
  void take_half_step(Look& seen, HalfStep& half) const;
  double seconds() const { return seconds_; }

 private:
  bool crowded(const std::vector<double>& S, const std::vector<double>& r, int64_t count) const;
  SvdBounds bounds_from(std::vector<double> S, std::vector<double> r, const EigenvalueBounds& upper) const;
  double least_bound(const std::vector<double>& S) const;
  void find_bounds(Look& seen);
  LanczosRelation relation(const Look& seen) const;  ///< while `seen` lives
  void forget_random_bounds() { random_.assign(k_ + 1, std::numeric_limits<double>::infinity()); }

  int64_t k_;
  SvdCriterion criterion_;
  double tol_;
  int64_t limit_;  ///< min(m, n)
  const LinearOperator& A_;
  const KrylovBasis& basis_;
  std::vector<double> proved_, random_;  ///< upper bounds of λ₁ … λ_{k+1}
  EigenvalueBounds upper_;               ///< the smaller ones
  double seconds_ = 0;
};

}  // namespace fanion::linalg
