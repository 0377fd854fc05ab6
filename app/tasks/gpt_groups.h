#pragma once

#include <vector>

#include "fanion/optim/lmo_optimizer.h"
#include "models/gpt.h"
#include "tasks/gpt_options.h"

namespace fanion::tasks {

/// Throws if a group's settings are out of range or the rule does not fit every hidden matrix.
void check_groups(const GptOptions& options);

/// Settings of the hidden matrices: the rule `options.optimizer` describes, or AdamW for "adamw".
optim::GroupSettings hidden_settings(const GptOptions& options);

/// Groups by role: hidden matrices by the rule, embedding, head and gains by AdamW with a rate each.
std::vector<optim::ParamGroup> gpt_groups(const models::Gpt& model, const GptOptions& options);

}  // namespace fanion::tasks
