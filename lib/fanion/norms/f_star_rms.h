#pragma once

#include "fanion/norms/singular.h"

namespace fanion::norms {

/// ‖X‖² = (‖X‖_F² + ‖X‖_nuc²)/2, whose prox is F*-Neon: −(2/λ)·U diag(d) Vᵀ with d = [σ − τ]_+, Σd = τ.
///
/// With S_j = σ_1 + … + σ_j: τ = max_j S_j/(j + 1); dual √(2(Σd² + τ²)); lmo −U diag(2d/‖M‖†) Vᵀ; ρ = 1.
/// τ ≥ σ₁/2, so only triplets with σ_i > σ₁/2 matter: at rank 1 or in a 1 × n matrix it is Neon, for r equal σ
/// √(2/(r² + r)) times Muon. Cost: that of the triplets down to the first σ_k ≤ τ; value, dual, prox and project: that
/// of a dense SVD.
/// Source: Proposal eq. 6 with the squares as docs/papers.md says; see `ThresholdedNorm`.
NormPtr f_star_rms(TripletOptions triplets = {});

}  // namespace fanion::norms
