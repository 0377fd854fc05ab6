#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "fanion/norms/direction_rule.h"
#include "fanion/optim/adamw_step.h"
#include "fanion/optim/step_options.h"

namespace fanion::optim {

/// A matrix rule with its step options; `presets.h` makes them.
struct LmoSettings {
  norms::RulePtr rule;
  LmoStepOptions step;
};

/// What the parameters of a group follow: a matrix rule, or AdamW.
using GroupSettings = std::variant<LmoSettings, AdamWOptions>;

/// From texts: "adamw" or a rule, "f-neon:alpha=0.3", and the options that differ from the defaults, "lr=0.02,…".
GroupSettings settings_from_text(std::string_view rule, std::string_view options);

/// The table of options of a matrix rule's step, or of AdamW's for the rule "adamw".
std::vector<OptionLine> option_lines_of(std::string_view rule);

/// Throws naming the first option outside its range or that the rule does not allow, and where there is no rule.
void check_settings(const GroupSettings& settings);

/// The rule, "adamw" for that, and all options, "lr=0.02", each a text.
std::vector<std::string> texts_of(const GroupSettings& settings);

double lr_of(const GroupSettings& settings);
void set_lr(GroupSettings& settings, double lr);
NonfinitePolicy nonfinite_of(const GroupSettings& settings);

}  // namespace fanion::optim
