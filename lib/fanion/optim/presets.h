#pragma once

#include "fanion/linalg/newton_schulz.h"
#include "fanion/norms/direction.h"
#include "fanion/norms/singular.h"
#include "fanion/optim/lmo_optimizer.h"

/// Named optimizers: each gives a group's settings for `LmoOptimizer`. `svd` says how triplets are found;
/// the default is what training uses, two warm-started passes. Python's classes of the same names agree.
namespace fanion::optim {

/// −UVᵀ by Newton–Schulz (KyFan Lemma 2; torch.optim.Muon).
LmoSettings muon(const LmoStepOptions& step = {}, const linalg::NewtonSchulzOptions& newton_schulz = {});
/// −u₁v₁ᵀ (KyFan Lemma 3).
LmoSettings neon(const LmoStepOptions& step = {}, const norms::TripletOptions& svd = norms::kTrainingTriplets);
/// −Σ_{i≤k}u_iv_iᵀ (KyFan Lemma 6).
LmoSettings fanion(int64_t k, const LmoStepOptions& step = {},
                   const norms::TripletOptions& svd = norms::kTrainingTriplets);
/// α·Muon + (1−α)·NSGD (KyFan Lemma 4); any finite α.
LmoSettings f_muon(const LmoStepOptions& step = {}, double alpha = 0.5,
                   const linalg::NewtonSchulzOptions& newton_schulz = {});
/// α·Neon + (1−α)·NSGD (KyFan Lemma 5).
LmoSettings f_neon(const LmoStepOptions& step = {}, double alpha = 0.5,
                   const norms::TripletOptions& svd = norms::kTrainingTriplets);
/// α·Fanion-k + (1−α)·NSGD (KyFan §2.8).
LmoSettings f_fanion(int64_t k, const LmoStepOptions& step = {}, double alpha = 0.5,
                     const norms::TripletOptions& svd = norms::kTrainingTriplets);
/// Fanion-k plus a flattened remainder (see norms/deflated.h).
LmoSettings d_fanion(int64_t k, const LmoStepOptions& step = {}, norms::ResidualMap residual = norms::ResidualMap::sign,
                     const norms::TripletOptions& svd = norms::kTrainingTriplets);
/// −M/‖M‖_F (KyFan Lemma 1).
LmoSettings nsgd(const LmoStepOptions& step = {});
/// −sign(M) (KyFan Table 1).
LmoSettings signum(const LmoStepOptions& step = {});

}  // namespace fanion::optim
