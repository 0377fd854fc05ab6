#pragma once

#include "fanion/linalg/newton_schulz.h"
#include "fanion/norms/rank.h"
#include "fanion/norms/singular.h"

namespace fanion::norms {

/// Two steps from the Schatten-4 norm.
inline linalg::NewtonSchulzOptions few_newton_schulz_steps() {
  return {.steps = 2, .norm = linalg::NewtonSchulzNorm::schatten_4};
}

/// D-Fanion-k: D = −(Σ_{i≤k}u_iv_iᵀ + c·N(R)), R = M − Σ_{i≤k}σ_iu_iv_iᵀ: flatten the top, map the rest.
///
/// c makes both parts carry the same energy per direction, ‖c·N(R)‖_F = √(min(m, n) − k); for sign, row_norm and
/// col_norm from ‖N(R)‖_F = √(mn), √m and √n, which holds unless R has exact zeros. `clip` is the minimiser of
/// ⟨M, −X⟩ + (σ_{k+1}/2)‖X‖²_F over the spectral ball and takes c = 1. R is dropped where the last
/// triplet found has σ ≤ max(m, n)·eps·σ₁ (rank < k, or ≤ k for `clip`): it is rounding then, and N would give
/// it full size. No norm's LMO, hence a rule only.
/// 0 ≤ k ≤ min(m, n): k = 0 is Signum (NSGD, …), k = min(m, n) is Muon. Throws where k is larger.
/// Cost: that of k triplets plus 2mnk flops and one m × n temporary. Source: docs/conventions.md, "Deflated Fanions".
/// `newton_schulz` is how that map flattens R, whose spectrum is flatter than M's without its top, so that two steps
/// from the Schatten-4 norm do what Muon's five do; it costs 2·steps·(2m²n + m³) flops (m ≤ n) and two m × n
/// temporaries.
RulePtr deflated(Rank k, ResidualMap map = ResidualMap::sign, TripletOptions triplets = {},
                 const linalg::NewtonSchulzOptions& newton_schulz = few_newton_schulz_steps());

}  // namespace fanion::norms
