#pragma once

#include <exception>

#include "fanion/linalg/svd/krylov/krylov_basis.h"

namespace fanion::linalg {

/// Thrown by `BlockLanczos::expand`, before the basis grows, where AᵀA v of the first block is not finite, or so large
/// or small that its squares would leave the range of the dtype.
struct SquaresOutOfRange : std::exception {};
/// Whether the largest ‖AᵀA v‖ of a block leaves room for those to come.
bool squares_in_range(double largest, const LinearOperator& A);

/// Block Lanczos on AᵀA, the form of KyFan §3: orthonormal V, symmetric block tridiagonal T, and the images A V, which
/// the products give for nothing. A step costs one read of A where `LinearOperator::gram_reads` says so, and only the
/// shorter basis is orthogonalised.
///
/// The relation holds to eps·σ₁², so singular values below √eps·σ₁ drown, and a residual ‖Aᵀû − σ̂v̂‖ cannot fall
/// below eps·σ₁²/σ̂. Triplets come from a Rayleigh–Ritz step with A V Q, not from √T, so σ̂ and û have no error of their
/// own. Source: Wu & Simon 1998; Golub & Underwood 1977 (block form).
class BlockLanczos final : public KrylovBasis {
 public:
  /// `images`: keep A V. Without it `triplets` takes one product more, and there is no `half_step`.
  BlockLanczos(const LinearOperator& A, int64_t capacity, at::Generator generator, bool images = true);
  void expand() override;
  void restart(int64_t keep) override;
  ProjectedSvd projected(int64_t count) const override;
  double residual(double eigen_residual, double sigma, double sigma1) const override;
  SvdResult triplets(const ProjectedSvd& seen, int64_t k) override;
  std::optional<HalfStep> half_step(const ProjectedSvd& seen, int64_t k) override;
  at::Tensor corrected(const ProjectedSvd& seen, int64_t k, const ExactGram& exact) override;

 private:
  at::Tensor T() const;
  at::Tensor image(const at::Tensor& Q);  ///< A V Q
  double scale_ = 0;                      ///< largest ‖AᵀA v‖ so far, a lower bound of σ₁²
  at::Tensor T_;                          ///< its upper triangle, with room to grow
  at::Tensor images_;                     ///< A V, as V_; undefined where it is not kept
};

}  // namespace fanion::linalg
