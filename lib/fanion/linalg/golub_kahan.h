#pragma once

#include <algorithm>

#include "fanion/linalg/linear_operator.h"
#include "fanion/linalg/svd_report.h"

namespace fanion::linalg {

/// Block Golub–Kahan bidiagonalisation: orthonormal bases U (m × p) and V (n × p) with
///   A V = U B,      Aᵀ U = V Bᵀ + V₊ E E_lastᵀ,      so that AᵀA V = V BᵀB + V₊ C E_lastᵀ, C = E·B_last,last,
/// grown a block at a time; B is upper triangular by blocks, V₊ the block that comes next.
///
/// New vectors are orthogonalised twice: against the last two blocks, where the recurrence has its large coefficients,
/// and against the whole basis; twice more where little of a column is left. Directions that vanish (an invariant space
/// was found) are replaced by random ones with zeros in B. Where A is read once for AᵀA V
/// (`LinearOperator::gram_reads`), a step costs one read: span(V, Aᵀ U) is span(V, AᵀA V), so V₊ can come from AᵀA
/// V. A V = U B and the relation for AᵀA then still hold to eps, the one for AᵀU to eps·σ₁/σ_min(B_last,last) only;
/// where that is above `accuracy`, Aᵀ U is multiplied out from then on. Source: Golub, Luk & Overton 1981 (block form);
/// Daniel, Gragg, Kaufman & Stewart 1976 (twice is enough).
class BlockBidiagonalisation {
 public:
  BlockBidiagonalisation(const LinearOperator& A, int64_t capacity, double accuracy, at::Generator generator);

  /// The first block, (n, j) ordinary columns beside (n, b) standard normal ones; they need not be orthonormal.
  void start(const at::Tensor& guess, const at::Tensor& random);
  /// Adds the next block to both bases and finds the one after it. Not when `full()`.
  void expand();
  /// Keeps span(V Q) and span(U P) for singular vectors P, Q of B with singular values S (thick restart).
  void truncate(const at::Tensor& P, const at::Tensor& S, const at::Tensor& Q);
  /// Adds standard normal columns to the next block: a fresh look at what the space may have missed.
  void refresh(const at::Tensor& random);

  int64_t size() const { return size_; }
  int64_t room() const { return capacity_ - size_; }
  int64_t next_block() const { return next_.size(1); }  ///< width of V₊; 0 once V is complete
  /// Whether the next block no longer fits.
  bool full() const { return next_block() == 0 || room() < next_block(); }
  at::Tensor B() const { return B_.narrow(0, 0, size_).narrow(1, 0, size_); }  ///< float64 on the CPU
  const at::Tensor& coupling() const { return coupling_; }                     ///< C, (b₊, last_block()) float64
  const at::Tensor& left_coupling() const { return left_coupling_; }           ///< E; undefined after a fused step
  /// Coordinates in V of the latest standard normal block that lies in it, (p, b); undefined if there is none.
  at::Tensor random_coordinates() const;
  bool leaks() const { return leak_ > 0; }  ///< whether a fused step was taken
  double eps() const { return eps_; }       ///< unit roundoff of the working precision
  /// Error of the relation for AᵀA, relative to σ₁².
  double relation_error() const { return std::max({eps_, dropped_, mixed_ ? leak_ / scale_ : 0.0}); }
  at::Tensor left(const at::Tensor& P) const;   ///< U P
  at::Tensor right(const at::Tensor& Q) const;  ///< V Q
  const SvdSeconds& seconds() const { return seconds_; }

 private:
  /// X = basis·C + Q·R with Q orthonormal and orthogonal to the basis; C and R float64 on the CPU.
  struct Split {
    at::Tensor C, Q, R;
  };
  Split split(const at::Tensor& basis, int64_t local, at::Tensor X, double scale);

  const LinearOperator& A_;
  at::Generator generator_;
  double accuracy_;
  double eps_;
  bool fuse_ = true;
  bool mixed_ = false;      ///< steps of the plain kind followed fused ones
  bool restarted_ = false;  ///< the basis starts with Ritz vectors, all of which the next block couples to
  int64_t capacity_;
  int64_t size_ = 0;
  int64_t last_ = 0;    ///< width of the last block
  double dropped_ = 0;  ///< largest direction taken for rounding, relative to what it was part of
  double leak_ = 0;     ///< bound of what AᵀU has outside span(V, V₊) from fused steps
  double scale_ = 0;    ///< largest column norm of A V so far, a lower bound of σ₁
  at::Tensor U_, V_;    ///< (m, capacity), (n, capacity), columns contiguous
  at::Tensor B_;
  at::Tensor next_;  ///< V₊, (n, b₊); no columns once V is complete
  at::Tensor coupling_, left_coupling_;
  at::Tensor random_;  ///< coordinates of the random block in [V, V₊] when it was made
  SvdSeconds seconds_;
};

}  // namespace fanion::linalg
