#pragma once

#include <vector>

#include "fanion/optim/lmo_step.h"

namespace fanion::optim {

/// One step of matrices that are spread over processes (`MatrixStep::spread`, one axis of which splits), by all of
/// these with the same list: the stages of `step_parameter` on blocks. The result is that of one process up to
/// rounding.
///
/// Where the rule finds directions from blocks (`DirectionRule::takes_blocks`), matrices of one shape, spread alike
/// under the same rule and options but for numbers, are taken as a batch. All batches make their sums together, so that
/// how many collectives there are depends on neither layers nor shapes; on the CPU those whose blocks come to 4 MiB at
/// most. Other directions are found on the whole
/// matrix by its owner (distributed/by_owners.h).
void step_sharded(const std::vector<MatrixStep>& steps);

}  // namespace fanion::optim
