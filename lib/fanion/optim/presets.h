#pragma once

#include <optional>

#include "fanion/linalg/newton_schulz.h"
#include "fanion/norms/deflated.h"
#include "fanion/norms/prox_step.h"
#include "fanion/norms/singular.h"
#include "fanion/optim/lmo_optimizer.h"

/// Named optimizers: each gives a group's settings for `LmoOptimizer`. `svd` says how triplets are found;
/// the default is what training uses, one warm-started pass. Python's classes of the same names agree.
namespace fanion::optim {

/// −UVᵀ by Newton–Schulz (KyFan Lemma 2; torch.optim.Muon).
LmoSettings muon(const LmoStepOptions& step = {}, const linalg::NewtonSchulzOptions& newton_schulz = {});
/// The same by an exact polar factor: muon(step, std::nullopt).
LmoSettings muon(const LmoStepOptions& step, std::nullopt_t exact);
/// −u₁v₁ᵀ (KyFan Lemma 3).
LmoSettings neon(const LmoStepOptions& step = {}, const norms::TripletOptions& svd = norms::kTrainingTriplets);
/// −Σ_{i≤k}u_iv_iᵀ (KyFan Lemma 6).
LmoSettings fanion(norms::Rank k, const LmoStepOptions& step = {},
                   const norms::TripletOptions& svd = norms::kTrainingTriplets);
/// α·Muon + (1−α)·NSGD (KyFan Lemma 4); any finite α.
LmoSettings f_muon(const LmoStepOptions& step = {}, double alpha = 0.5,
                   const linalg::NewtonSchulzOptions& newton_schulz = {});
LmoSettings f_muon(const LmoStepOptions& step, double alpha, std::nullopt_t exact);
/// α·Neon + (1−α)·NSGD (KyFan Lemma 5).
LmoSettings f_neon(const LmoStepOptions& step = {}, double alpha = 0.5,
                   const norms::TripletOptions& svd = norms::kTrainingTriplets);
/// α·Fanion-k + (1−α)·NSGD (KyFan §2.8).
LmoSettings f_fanion(norms::Rank k, const LmoStepOptions& step = {}, double alpha = 0.5,
                     const norms::TripletOptions& svd = norms::kTrainingTriplets);
/// Fanion-k plus a flattened remainder (see norms/deflated.h).
LmoSettings d_fanion(norms::Rank k, const LmoStepOptions& step = {},
                     norms::ResidualMap residual = norms::ResidualMap::sign,
                     const norms::TripletOptions& svd = norms::kTrainingTriplets,
                     const linalg::NewtonSchulzOptions& newton_schulz = norms::few_newton_schulz_steps());
/// α·Muon + (1−α)·η·sign(M), or, without η, with a sign part as large as Muon's for every shape (norms/mixture.h;
/// arXiv 2512.09678).
LmoSettings s_muon(const LmoStepOptions& step = {}, double alpha = 0.5, std::optional<double> eta = std::nullopt,
                   const linalg::NewtonSchulzOptions& newton_schulz = {});
/// α·Fanion-k + (1−α)·η·sign(M), likewise.
LmoSettings s_fanion(norms::Rank k, const LmoStepOptions& step = {}, double alpha = 0.5,
                     std::optional<double> eta = std::nullopt,
                     const norms::TripletOptions& svd = norms::kTrainingTriplets);
/// The LMO of the Schatten norm ‖σ‖_p, 1 ≤ p ≤ ∞ (KyFan §2.9).
LmoSettings schatten_descent(double p, const LmoStepOptions& step = {});
/// Dion's defaults: a rate of 0.01 times √(m/n), a sum without Nesterov, error feedback.
inline const LmoStepOptions kDionStep{.lr = 0.01,
                                      .nesterov = false,
                                      .momentum_kind = MomentumKind::sum,
                                      .weight_decay = 0.01,
                                      .adjust_lr_fn = norms::AdjustLrFn::rms_to_rms,
                                      .error_feedback = true};
/// Dion (Ahn & Xu 2025): one warm power step (see norms/dion.h); what it does not capture stays in the momentum.
LmoSettings dion(norms::Rank k, const LmoStepOptions& step = kDionStep, int64_t passes = 1);
/// COSMOS's defaults, those of its authors: r = 64, γ = 0.2, β₂ = μ = 0.95, entries of RMS 0.2·lr.
inline constexpr LmoStepOptions kCosmosStep{
    .lr = 2e-3, .adjust_lr_fn = norms::AdjustLrFn::match_rms_adamw, .cosmos_rank = 64};
/// COSMOS (Liu et al. 2025; see cosmos.h): Adam in a leading eigenspace, Muon outside of it; any other settings take
/// `cosmos_rank` too.
LmoSettings cosmos(const LmoStepOptions& step = kCosmosStep, const linalg::NewtonSchulzOptions& newton_schulz = {});
/// −M/‖M‖_F (KyFan Lemma 1).
LmoSettings nsgd(const LmoStepOptions& step = {});
/// −sign(M) (KyFan Table 1).
LmoSettings signum(const LmoStepOptions& step = {});
/// −sign(g): Signum without momentum, whatever `step` says of it.
LmoSettings sign_sgd(LmoStepOptions step = {});
/// −sign(m_ij)·e_ij at the largest |m_ij| (KyFan Table 1).
LmoSettings gauss_southwell(const LmoStepOptions& step = {});

/// Adam: AdamW without decay, whatever `options` says of it; Adam's own, which is added to the gradient, is not there.
AdamWOptions adam(AdamWOptions options = {});

/// What prox steps, whose length is the gradient's, start from: no scale by shape.
inline const LmoStepOptions kProxOptions{.adjust_lr_fn = norms::AdjustLrFn::none};
/// −M/λ, gradient descent: as torch.optim.SGD with momentum_kind = sum and weight_decay = 0.
LmoSettings sgd(const LmoStepOptions& step = kProxOptions, double lambda = 1);
/// −σ₁u₁v₁ᵀ/λ (Proposal eq. 4; Poster).
LmoSettings kernel_neon(const LmoStepOptions& step = kProxOptions, double lambda = 1,
                        const norms::TripletOptions& svd = norms::kTrainingTriplets);
/// F*-Neon (Proposal eq. 6).
LmoSettings f_star_neon(norms::FStarForm form = norms::FStarForm::rms, const LmoStepOptions& step = kProxOptions,
                        double lambda = 1, const norms::TripletOptions& svd = norms::kTrainingTriplets);

}  // namespace fanion::optim
