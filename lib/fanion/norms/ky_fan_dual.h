#pragma once

#include "fanion/norms/rank.h"
#include "fanion/norms/singular.h"

namespace fanion::norms {

/// max(Σσ/k, σ₁); dual Σ_{i≤k}σ_i (the Ky Fan k-norm); lmo −Σ_{i≤k}u_iv_iᵀ; ρ = √k. The LMO of Fanion-k
/// (KyFan Lemma 6; Bhatia 2013, p. 96). k = 1 is the nuclear norm, k = min(m, n) the spectral norm.
/// Throws where k > min(m, n). Cost: that of the triplets (`TripletOptions`).
NormPtr ky_fan_dual(Rank k, TripletOptions triplets = {});

}  // namespace fanion::norms
