#pragma once

#include <vector>

#include "fanion/optim/lmo_step.h"

namespace fanion::optim {

/// Matrices that a rule takes together.
using Stack = std::vector<const MatrixStep*>;

/// The steps by stacks, each in the order given: of a stack, parameters agree in shape, strides, dtype and device, and
/// their settings in the rule and in all options but the numbers, so that learning rates by layer do not split it.
std::vector<Stack> stacks_of(const std::vector<MatrixStep>& steps);

/// One step of every matrix of a stack, stage by stage as `step_parameter`, by batched operators: their number does not
/// depend on that of the matrices, but for reads and writes of the single parameters, and the host looks at no value.
/// The result is that of `step_parameter` up to rounding. Rules without a batched form take one matrix after the other.
void step_stack(const Stack& stack);

}  // namespace fanion::optim
