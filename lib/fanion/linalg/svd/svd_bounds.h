#pragma once

#include <vector>

#include "fanion/linalg/svd/eigenvalue_bounds.h"
#include "fanion/linalg/svd_report.h"

namespace fanion::linalg {

/// The bounds of a report from Ritz values θ, their residual norms ‖AᵀAv̂ᵢ − θᵢv̂ᵢ‖ and upper bounds of λ₁ … λ_{k+1}.
///
/// With s² ≥ λ_{k+1} and tᵢ = residualᵢ/(θᵢ − s²), v̂ᵢ has at most tᵢ outside the top-k space, as (AᵀA − θᵢ)v̂ᵢ is the
/// residual and AᵀA ≤ s² there. Let P be the projection on that space and P̂ on span(V̂), with A V̂ = Û Ŝ. Then
///   ‖ÛŜV̂ᵀ − A_k‖_F² = ‖A(P̂ − P)‖_F² = Σᵢ(λᵢ − θᵢ) + 2‖A(I − P)P̂‖_F²,   ‖A(I − P)v̂ᵢ‖² ≤ min(s²tᵢ², θᵢ),
///   Σᵢ(λᵢ − θᵢ) ≤ Σθᵢtᵢ²/(1 − Σtⱼ²)  where  Σtⱼ² < 1,
/// and it is also ‖AP(I − P̂)‖_F² + ‖A(I − P)P̂‖_F² with ‖AP(I − P̂)‖_F² ≤ λ₁Σtᵢ², which rounding of the θᵢ does not
/// touch. Triplets too small to matter need not be resolved for `rank_k`: they enter by θᵢ.
SvdBounds svd_bounds(const std::vector<double>& theta, const std::vector<double>& residual, EigenvalueBounds upper,
                     double eps);

/// Whether it compares what it wants with bounds of what has not been found.
bool rests_on_bounds(SvdCriterion criterion);

/// What a criterion compares with tol: its bound, or the largest residual relative to σ̂₁.
double criterion_value(SvdCriterion criterion, const SvdBounds& bounds, double relative_residual);

}  // namespace fanion::linalg
