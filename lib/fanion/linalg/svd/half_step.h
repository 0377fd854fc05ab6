#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "fanion/linalg/dense/small_matrix.h"
#include "fanion/linalg/svd/projected_svd.h"
#include "fanion/linalg/svd/svd_bounds.h"
#include "fanion/linalg/topk_svd.h"

namespace fanion::linalg {

/// Triplets with Aᵀû = σ̂v̂, their σ̂ in double, and how far Aᵀû leaves the span of V, of each.
struct HalfStep {
  SvdResult triplets;
  std::vector<double> sigma, leaving;
};

/// What a half step needs of a basis V (n × p) with T = VᵀAᵀA V.
struct HalfStepTerms {
  const ProjectedSvd& seen;  ///< of T
  /// Gram matrix of what AᵀA V has outside the span of V, (b, b), for its last b columns; the others have nothing.
  SmallMatrix left;
  /// A V M, and AᵀA V M given M and T M, for coefficients M (p × j).
  std::function<at::Tensor(const SmallMatrix& M)> image;
  std::function<at::Tensor(const SmallMatrix& M, const SmallMatrix& TM)> adjoint;
};

/// The best k triplets with û in the span of A V: half a step beyond those with v̂ in the span of V, for the same
/// products, as AᵀA V is known. Nothing where σ̂ₖ is too small beside σ̂₁ for AᵀA V to tell.
///
/// With T = QΘQᵀ, the u_i = A V q_i θᵢ^-½ are orthonormal, and Aᵀ(u_1 … u_j) = V QΘ^½ + L for the part L that leaves
/// the span, so AAᵀ projected on them is Θ + LᵀL, and its eigenvectors x give û = Σ x_i u_i.
std::optional<HalfStep> half_step(const HalfStepTerms& terms, int64_t k);

/// Roundings of the relation for AᵀA that a residual found from it may be off by, of what is σ̂ times as large.
constexpr double kBlurredRelation = 8;

/// The bounds of such triplets, and their residuals, from upper bounds of λ₁ … λ_{k+1} and the error of the relation
/// for AᵀA relative to σ₁².
///
/// Of AAᵀû only A l can leave the span of A V, where l is what leaves that of V in Aᵀû: ‖AAᵀû − σ̂²û‖ ≤ σ₁‖l‖.
/// And ‖Av̂ − σ̂û‖² = ‖Av̂‖² − σ̂².
SvdBounds half_step_bounds(HalfStep& half, const EigenvalueBounds& upper, double relation_error);

}  // namespace fanion::linalg
