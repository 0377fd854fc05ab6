#pragma once

#include "fanion/norms/singular.h"

namespace fanion::norms {

/// Σσ; dual σ₁; lmo −u₁v₁ᵀ; ρ = 1. The LMO of Neon (KyFan Lemma 3); its prox
/// −(σ₁/λ)·u₁v₁ᵀ is Kernel-Neon (Proposal eq. 4). Cost: that of one triplet.
NormPtr nuclear(TripletOptions triplets = {});

}  // namespace fanion::norms
