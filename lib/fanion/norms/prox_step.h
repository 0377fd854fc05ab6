#pragma once

#include <array>

#include "fanion/names.h"
#include "fanion/norms/singular.h"

namespace fanion::norms {

/// argmin_X ⟨M, X⟩ + (λ/2)‖X‖² = (‖M‖†/λ)·lmo(M) as a step: its length follows M's (Proposal eq. 1–3, λ/2 for λ).
///
/// With L = lmo(M) the length is ⟨M, −L⟩/λ, the best one along L, which is ‖M‖†/λ where L is exact. A low-rank L stays
/// one. The nominal Frobenius norm is that of lmo(M). `name`: what the registry calls it. λ finite and > 0, else
/// throws. Cost: that of the LMO, and 2mnk flops for an LMO of rank k, 2mn for others.
RulePtr prox_step(NormPtr norm, double lambda, std::string name);

/// −M/λ: the prox step of `frobenius`, plain gradient descent. Cost: nothing.
RulePtr sgd(double lambda = 1);

/// σ₁u₁v₁ᵀ/λ with a minus: the prox step of `nuclear` (Proposal eq. 2, Poster).
RulePtr kernel_neon(double lambda = 1, const TripletOptions& triplets = kTrainingTriplets);

/// Which F* norm: √((‖X‖_F² + ‖X‖_nuc²)/2) or (‖X‖_F + ‖X‖_nuc)/2.
enum class FStarForm { rms, sum };
inline constexpr std::array<Named<FStarForm>, 2> kFStarForms{{{FStarForm::rms, "rms"}, {FStarForm::sum, "sum"}}};

/// The prox step of `f_star_rms`, −(2/λ)·U diag([σ_i − τ]_+)Vᵀ, or of `f_star_sum` (Proposal eq. 6).
RulePtr f_star_neon(FStarForm form = FStarForm::rms, double lambda = 1,
                    const TripletOptions& triplets = kTrainingTriplets);

}  // namespace fanion::norms
