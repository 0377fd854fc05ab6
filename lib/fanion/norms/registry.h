#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "fanion/norms/matrix_norm.h"

namespace fanion::norms {

/// One name that `rule_from_name` knows: what help texts, tests, `fanion theory --check` and pictures are made from.
struct RuleInfo {
  std::string name;
  std::string keys;  ///< "k, alpha=0.5, svd=subspace, …"
  std::string summary;
  /// Texts with this name, with k = 3 where there is one; of norms, with LMOs that are exact.
  std::vector<std::string> examples;
  std::string use;  ///< what it is good for, in a few words
  bool is_norm = false;
};

/// Every known rule, norms first.
const std::vector<RuleInfo>& known_rules();
/// The norms among the examples, each once: not those that another name stands for already. For rows × columns
/// matrices, with a smaller k where they have no three.
std::vector<std::string> example_norms(int64_t rows = 3, int64_t columns = 3);

/// Values by key, "passes" for example, in place of a rule's own defaults.
using RuleDefaults = std::map<std::string, std::string>;

/// The rule a text describes: `name[:key=value,…]`, or a sum of them, `w*name[:…] + w*name[:…]`.
///
/// Names may be written with '-' or '_'. "muon", "fanion:k=5", "f-muon:alpha=0.5", "0.3*nuclear + 0.7*max_entry". A sum
/// of norms with weights ≥ 0 is their `dual_sum`, any other a `weighted_sum`; F- families likewise outside α ∈ [0, 1].
/// Errors name what was given and what exists. `rule_from_name(rule->name())` is the same rule.
/// `otherwise`: what keys are that a part of the text does not give and its rule has.
RulePtr rule_from_name(std::string_view text, const RuleDefaults& otherwise = {});

/// The same for texts that must describe a norm.
NormPtr norm_from_name(std::string_view text);

/// The rule that `text` describes as the norm it must be.
NormPtr as_norm(const RulePtr& rule, std::string_view text);

}  // namespace fanion::norms
