#pragma once

#include "fanion/linalg/svd/krylov/krylov_basis.h"

namespace fanion::linalg {

/// Block Golub–Kahan bidiagonalisation: orthonormal bases U (m × p) and V (n × p) with
///   A V = U B,      Aᵀ U = V Bᵀ + V₊ E E_lastᵀ,      so that AᵀA V = V BᵀB + V₊ C E_lastᵀ, C = E·B_last,last,
/// grown a block at a time; B is upper triangular by blocks. Two reads of A a step, and two bases to orthogonalise;
/// what that buys is singular values and residuals to eps·σ₁, where `BlockLanczos` has eps·σ₁²/σ. Source: Golub, Luk &
/// Overton 1981 (block form); Baglama & Reichel 2005 (restart).
class BlockBidiagonalisation final : public KrylovBasis {
 public:
  BlockBidiagonalisation(const LinearOperator& A, int64_t capacity, at::Generator generator);
  void expand() override;
  void restart(int64_t keep) override;
  ProjectedSvd projected(int64_t count) const override;
  double residual(double eigen_residual, double sigma, double sigma1) const override;
  SvdResult triplets(const ProjectedSvd& seen, int64_t k) override;
  std::optional<HalfStep> half_step(const ProjectedSvd& seen, int64_t k) override;

 private:
  at::Tensor B() const { return B_.narrow(0, 0, size_).narrow(1, 0, size_); }  ///< float64 on the CPU
  bool rough() const { return A_.options().dtype() != at::kDouble; }
  ProjectedSvd refined(const ProjectedSvd& seen, int64_t k) const;
  at::Tensor left(const at::Tensor& P) const;  ///< U P

  double scale_ = 0;  ///< largest column norm of A V so far, a lower bound of σ₁
  at::Tensor U_;      ///< m rows, as V_
  at::Tensor B_;
  at::Tensor left_coupling_;  ///< E
};

}  // namespace fanion::linalg
