#pragma once

#include <map>
#include <utility>
#include <vector>

#include "experiments/parameter.h"
#include "experiments/run_options.h"
#include "fanion/optim/lmo_optimizer.h"

namespace fanion::experiments {

/// Settings of the matrices: the rule `options.optimizer` describes, or AdamW for "adamw".
optim::GroupSettings matrix_settings(const RunOptions& options);

/// Throws if a group's settings are out of range or the rule does not fit a shape.
void check_optimizer(const RunOptions& options, const std::map<Role, double>& adamw_lr,
                     const std::vector<std::pair<int64_t, int64_t>>& matrix_shapes);

/// Groups by role: matrices by the rule, then AdamW with a rate each for the roles of `adamw_lr`.
std::vector<optim::ParamGroup> optimizer_groups(const std::vector<Parameter>& parameters, const RunOptions& options,
                                                const std::map<Role, double>& adamw_lr);

}  // namespace fanion::experiments
