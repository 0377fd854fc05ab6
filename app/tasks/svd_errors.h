#pragma once

#include <limits>

#include "fanion/linalg/topk_svd.h"
#include "tasks/made_matrix.h"

namespace fanion::tasks {

/// Measured errors of a result, by criterion; NaN where the result is not finite.
struct SvdErrors {
  double rank_k = std::numeric_limits<double>::quiet_NaN();    ///< ‖ÛŜV̂ᵀ − A_k‖_F / ‖A_k‖_F
  double lmo_gap = std::numeric_limits<double>::quiet_NaN();   ///< 1 − ⟨A, ÛV̂ᵀ⟩ / Σσᵢ
  double residual = std::numeric_limits<double>::quiet_NaN();  ///< max(‖Av̂ − σ̂û‖, ‖Aᵀû − σ̂v̂‖) / σ₁
};

/// All in float64 and without m × n temporaries. A: (m, n) float64; exact: k triplets of it or more.
/// ÛV̂ᵀ is divided by ‖Û‖₂‖V̂‖₂ where that exceeds 1: what is outside the unit ball gains nothing by it.
SvdErrors svd_errors(const at::Tensor& A, const linalg::SvdResult& found, const ExactTriplets& exact);

/// The error by the criterion alone; `passes` counts as rank_k.
double error_of(const SvdErrors& errors, linalg::SvdCriterion criterion);
/// What the solver itself says about that error: its bound, or for `residual` its largest residual over σ̂₁.
double bound_of(const linalg::SvdResult& found, linalg::SvdCriterion criterion);

}  // namespace fanion::tasks
