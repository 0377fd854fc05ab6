#pragma once

#include <functional>
#include <vector>

#include "fanion/norms/registry.h"
#include "fanion/norms/rule_arguments.h"

namespace fanion::norms {

/// What the registry knows of a name, and how it makes the rule from what follows it.
struct RuleEntry {
  RuleInfo info;
  std::function<RulePtr(RuleArguments&)> make;
};

/// All names, norms first: a new rule is a file and an entry here.
const std::vector<RuleEntry>& rule_entries();

}  // namespace fanion::norms
