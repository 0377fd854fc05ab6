#pragma once

#include <vector>

#include "fanion/optim/step.h"

namespace fanion::optim {

/// The first stage of a step: throws a ValueError, naming the option or the parameter, where something does not fit;
/// changes nothing. Returns the indices of the entries to step, all but those whose gradient is to be skipped.
///
/// Looked at: every group's options; that no parameter is listed twice; dtype and layout of parameter and gradient;
/// sizes, dtype, device of gradient and state against what `state_kinds` asks for; NaN and Inf in gradients and warm
/// starts, unless `nonfinite` is `ignore`. Cost: a read of the gradients, and one device synchronisation in all.
std::vector<std::size_t> check_step(const std::vector<StepEntry>& entries, const std::vector<GroupSettings>& groups);

}  // namespace fanion::optim
