#pragma once

#include <ATen/core/Generator.h>

#include <optional>
#include <vector>

#include "fanion/linalg/linear_operator.h"
#include "fanion/linalg/svd/block_split.h"
#include "fanion/linalg/svd/half_step.h"
#include "fanion/linalg/svd/inner_options.h"
#include "fanion/linalg/svd/projected_svd.h"
#include "fanion/linalg/topk_svd.h"

namespace fanion::linalg {

/// An orthonormal basis V (n × p) of a block Krylov space of AᵀA, grown a block at a time:
///   AᵀA V = V T + V₊ C E_lastᵀ,
/// V₊ the block that comes next. Two forms: `BlockLanczos` keeps T and reads A once a step where it can,
/// `BlockBidiagonalisation` keeps an upper triangular B with BᵀB = T and does not square the condition number.
class KrylovBasis {
 public:
  virtual ~KrylovBasis() = default;

  /// The first block, (n, j) ordinary columns beside (n, b) standard Gaussian ones; they need not be orthonormal.
  void start(const at::Tensor& guess, const at::Tensor& random);
  /// Adds the next block to the basis and finds the one after it. Not when `full()`.
  virtual void expand() = 0;
  /// Keeps the `keep` leading Ritz vectors and the next block (thick restart).
  virtual void restart(int64_t keep) = 0;
  /// Adds standard Gaussian columns to the next block: a fresh look at what the space may have missed.
  void refresh(const at::Tensor& random);

  int64_t size() const { return size_; }
  int64_t room() const { return capacity_ - size_; }
  int64_t next_block() const { return next_.size(1); }  ///< width of V₊; 0 once V is complete
  /// Whether the next block no longer fits.
  bool full() const { return next_block() == 0 || room() < next_block(); }
  const at::Tensor& coupling() const { return coupling_; }  ///< C, (b₊, width of the last block), float64 on the CPU
  /// ‖C Q_last‖ for the first `count` columns of Q (p, j) in double: how far AᵀA V Q leaves the space.
  std::vector<double> leaving(const at::Tensor& Q, int64_t count) const;
  /// Coordinates in V of the latest standard Gaussian block that lies in it, (p, b); undefined if there is none.
  at::Tensor random_coordinates() const;
  /// Error of the relation for AᵀA, relative to σ₁².
  double relation_error(double sigma1) const { return std::max(A_.relative_rounding(sigma1), dropped_); }
  const SvdSeconds& seconds() const { return seconds_; }

  /// Singular values and right vectors of the projected problem, all p of them; at least `count` to full accuracy.
  virtual ProjectedSvd projected(int64_t count) const = 0;
  /// An upper bound of ‖Aᵀû − σ̂v̂‖ from ‖AᵀAv̂ − σ̂²v̂‖.
  virtual double residual(double eigen_residual, double sigma, double sigma1) const = 0;
  /// The k leading triplets of what `projected` has given, with their residuals.
  virtual SvdResult triplets(const ProjectedSvd& seen, int64_t k) = 0;
  /// The best triplets with û in the span of A V (half_step.h). Nothing where V is complete, or σ̂ₖ too small.
  virtual std::optional<HalfStep> half_step(const ProjectedSvd& seen, int64_t k) = 0;
  /// V̂ of k triplets of what A stands for (projected_correction.h); undefined where this form cannot.
  virtual at::Tensor corrected(const ProjectedSvd& /*seen*/, int64_t /*k*/, const ExactGram& /*exact*/) { return {}; }

 protected:
  KrylovBasis(const LinearOperator& A, int64_t capacity, at::Generator generator);
  /// Puts the next block behind V's columns, without counting it yet; returns it.
  at::Tensor join();
  /// Splits at the first `size()` columns of `basis`, on the clock of `seconds().basis`.
  BlockSplit split(const at::Tensor& basis, int64_t local, at::Tensor X, double scale);
  at::Tensor right(const at::Tensor& Q) const;  ///< V Q
  /// Takes V Q for the basis.
  void rotate(const at::Tensor& Q);
  /// V₊ and C from Z = V·coefficients + V₊ C after a block of b columns has joined V; returns the coefficients.
  at::Tensor advance(at::Tensor Z, int64_t b, double scale);

  static constexpr int64_t kFirstColumns = 64;  ///< that a block has room for before it grows

  const LinearOperator& A_;
  at::Generator generator_;
  double eps_;
  bool restarted_ = false;  ///< the basis starts with Ritz vectors, all of which the next block couples to
  int64_t capacity_;
  int64_t size_ = 0;
  int64_t last_ = 0;    ///< width of the last block
  double dropped_ = 0;  ///< largest direction taken for rounding, relative to what it was part of
  at::Tensor V_;        ///< n rows, room for at most `capacity` columns, which are contiguous
  at::Tensor next_;     ///< V₊, (n, b₊); no columns once V is complete
  at::Tensor coupling_;
  at::Tensor random_;  ///< coordinates of the random block in [V, V₊] when it was made
  SvdSeconds seconds_;
};

}  // namespace fanion::linalg
