#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "fanion/norms/matrix_norm.h"

namespace fanion::norms {

/// One name that `rule_from_name` knows, for help texts.
struct RuleInfo {
  std::string name;
  std::string keys;  ///< "k, alpha=0.5, svd=subspace, …"
  std::string summary;
};

/// Every known rule, norms first.
const std::vector<RuleInfo>& known_rules();

/// The rule a text describes: `name[:key=value,…]`, or a sum of them, `w*name[:…] + w*name[:…]`.
///
/// Names may be written with '-' or '_'. "muon", "fanion:k=5", "f-muon:alpha=0.5", "0.3*nuclear + 0.7*max_entry". A sum
/// of norms with weights ≥ 0 is their `dual_sum`, any other a `weighted_sum`; F- families likewise outside α ∈ [0, 1].
/// Errors name what was given and what exists. `rule_from_name(rule->name())` is the same rule.
RulePtr rule_from_name(std::string_view text);

/// The same for texts that must describe a norm.
NormPtr norm_from_name(std::string_view text);

}  // namespace fanion::norms
