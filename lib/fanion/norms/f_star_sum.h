#pragma once

#include "fanion/norms/singular.h"

namespace fanion::norms {

/// ‖X‖ = (‖X‖_F + ‖X‖_nuc)/2, whose prox is along −U diag(d) Vᵀ with d = [σ − τ]_+, Σd² = τ².
///
/// Dual 2τ, the value of F-Muon's norm at α = 1/2; lmo −U diag(2d/(τ + Σd)) Vᵀ; ρ = 1.
/// τ ≥ σ₁/2, so only triplets with σ_i > σ₁/2 matter: at rank 1 or in a 1 × n matrix it is Neon, for r equal σ
/// 2/(r + √r) times Muon. Cost: as f_star_rms.
/// Source: Poster eq. 2 as it stands; the threshold is in docs/papers.md; see `ThresholdedNorm`.
NormPtr f_star_sum(TripletOptions triplets = {});

}  // namespace fanion::norms
