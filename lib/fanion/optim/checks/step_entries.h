#pragma once

#include <vector>

#include "fanion/optim/step.h"

namespace fanion::optim {

/// Throws a ValueError, naming the option or the parameter, where something does not fit: a group's options, a
/// parameter listed twice, dtype, layout, sizes or device of a parameter, its gradient or its state. What the tensors
/// hold is not looked at, so that nothing waits for a device.
void check_entries(const std::vector<StepEntry>& entries, const std::vector<GroupSettings>& groups);

}  // namespace fanion::optim
