#pragma once

#include <ATen/core/Tensor.h>

#include <array>

#include "fanion/names.h"

namespace fanion::optim {

/// How W decays before W ← W + lr·D: `decoupled` all of it, to (1 − lr·weight_decay)·W (Loshchilov & Hutter 2017);
/// `cautious` so only the entries that the step does not take away from zero, W_ij·D_ij ≤ 0 (dion, modded-nanogpt);
/// `independent` all of it, to (1 − weight_decay)·W whatever the rate (NVIDIA Emerging-Optimizers).
enum class WeightDecayMethod { decoupled, cautious, independent };

inline constexpr std::array<Named<WeightDecayMethod>, 3> kWeightDecayMethods{
    {{WeightDecayMethod::decoupled, "decoupled"},
     {WeightDecayMethod::cautious, "cautious"},
     {WeightDecayMethod::independent, "independent"}}};
constexpr const auto& names_of(WeightDecayMethod) { return kWeightDecayMethods; }

/// What is left of an entry that decays: 1 − lr·weight_decay, or 1 − weight_decay.
double kept_by_decay(WeightDecayMethod method, double lr, double weight_decay);

/// 1 where `cautious` decays an entry of W, W_ij·D_ij ≤ 0, else 0, in W's dtype. W, D: of one shape; D is what is
/// added.
at::Tensor decays_cautiously(const at::Tensor& W, const at::Tensor& D);

}  // namespace fanion::optim
