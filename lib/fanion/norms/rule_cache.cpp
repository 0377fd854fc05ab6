#include "fanion/norms/rule_cache.h"

#include <mutex>
#include <unordered_map>

#include "fanion/norms/registry.h"

namespace fanion::norms {

RulePtr cached_rule(std::string_view text) {
  static std::mutex mutex;
  static std::unordered_map<std::string, RulePtr> rules;
  const std::lock_guard lock(mutex);
  constexpr std::size_t kMost = 1000;  // a schedule on alpha gives a new text in every step
  if (rules.size() > kMost) rules.clear();
  auto& rule = rules[std::string(text)];
  if (!rule) rule = rule_from_name(text);
  return rule;
}

NormPtr cached_norm(std::string_view text) { return as_norm(cached_rule(text), text); }

}  // namespace fanion::norms
