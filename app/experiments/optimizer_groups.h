#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "experiments/parameter.h"
#include "experiments/run_options.h"
#include "fanion/optim/lmo_optimizer.h"

namespace fanion::experiments {

/// Settings of the matrices: the rule `options.optimizer` describes, or AdamW for "adamw".
optim::GroupSettings matrix_settings(const RunOptions& options);

/// AdamW with the run's options at that rate.
optim::AdamWOptions adamw_settings(const RunOptions& options, double lr, double weight_decay);

/// Throws if a role's settings are out of range or the rule does not fit a shape.
void check_optimizer(const RunOptions& options, const std::map<Role, optim::GroupSettings>& settings,
                     const std::vector<std::pair<int64_t, int64_t>>& matrix_shapes);

/// How Newton–Schulz runs for each shape of the matrices here, where their rule takes it: {"768x3072": "bfloat16,
/// gram"}.
std::map<std::string, std::string> newton_schulz_choices(const std::vector<Parameter>& parameters,
                                                         const optim::GroupSettings& of_matrices);

/// A group for each role of `settings`, in their order; matrices are the first.
std::vector<optim::ParamGroup> optimizer_groups(const std::vector<Parameter>& parameters,
                                                const std::map<Role, optim::GroupSettings>& settings);

}  // namespace fanion::experiments
