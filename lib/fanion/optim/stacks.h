#pragma once

#include <vector>

#include "fanion/optim/lmo_step.h"

namespace fanion::optim {

/// Matrices that a rule takes together.
using Stack = std::vector<const MatrixStep*>;

/// The steps by stacks, each in the order given: of a stack, parameters agree in shape, strides, dtype and device, and
/// their settings in the rule and in all options but the numbers, so that learning rates by layer do not split it.
std::vector<Stack> stacks_of(const std::vector<MatrixStep>& steps);

/// One step of every matrix of a stack, stage by stage as `step_parameter`, by batched operators and such of lists:
/// their number does not depend on that of the matrices, and with fixed passes the host looks at no value. The result
/// is that of `step_parameter` up to rounding. Rules without a batched form take one matrix after the other.
///
/// Where the steps have flags (`MatrixStep::go`), all that a step changes is copied before it and put back after it
/// where the flag is false: bit for bit what it was, whatever was computed.
void step_stack(const Stack& stack);

}  // namespace fanion::optim
