#pragma once

#include "fanion/norms/singular.h"

namespace fanion::norms {

/// D-Fanion-k: D = −(Σ_{i≤k}u_iv_iᵀ + c·N(R)), R = M − Σ_{i≤k}σ_iu_iv_iᵀ: flatten the top, map the rest.
///
/// c makes both parts carry the same energy per direction, ‖c·N(R)‖_F = √(min(m, n) − k); for sign, row_norm and
/// col_norm from ‖N(R)‖_F = √(mn), √m and √n, which holds unless R has exact zeros. `clip` is the minimiser of
/// ⟨M, −X⟩ + (σ_{k+1}/2)‖X‖²_F over the spectral ball and takes c = 1. R is dropped where the last
/// triplet found has σ ≤ max(m, n)·eps·σ₁ (rank < k, or ≤ k for `clip`): it is rounding then, and N would give
/// it full size. No norm's LMO, hence a rule only.
/// 0 ≤ k ≤ min(m, n): k = 0 is Signum (NSGD, …), k = min(m, n) is Muon. Throws where k is larger.
/// Cost: that of k triplets plus 2mnk flops and one m × n temporary. Source: docs/conventions.md, "Deflated Fanions".
RulePtr deflated(int64_t k, ResidualMap map = ResidualMap::sign, TripletOptions triplets = {});

}  // namespace fanion::norms
