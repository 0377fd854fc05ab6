#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

namespace fanion::commands {

/// A rule and, where the text gives one after '@', its learning rate: "muon", "fanion:k=4@0.05".
struct RuleAtRate {
  std::string rule;
  std::optional<double> lr;
};
/// Throws if what follows '@' is no positive number.
RuleAtRate parse_rule_at_rate(const std::string& text);

/// Takes "optimizer": "muon@0.04" apart into optimizer and lr. Throws, beginning with `source`, if lr is there too.
void split_rate(nlohmann::json& options, const std::string& source);

}  // namespace fanion::commands
