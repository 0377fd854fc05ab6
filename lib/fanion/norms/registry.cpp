#include "fanion/norms/registry.h"

#include <algorithm>
#include <set>

#include "fanion/names.h"
#include "fanion/norms/mixture.h"
#include "fanion/norms/rule_entries.h"

namespace fanion::norms {
namespace {

RulePtr single_rule(std::string_view text, const RuleDefaults& otherwise) {
  const auto colon = text.find(':');
  const auto name = text.substr(0, colon);
  std::string known;
  for (const auto& entry : rule_entries()) {
    known.append(known.empty() ? "" : ", ").append(entry.info.name);
    if (!same_name(entry.info.name, name)) continue;
    RuleArguments arguments(name, colon == std::string_view::npos ? "" : text.substr(colon + 1), otherwise);
    auto rule = entry.make(arguments);
    arguments.check_all_used();
    return rule;
  }
  TORCH_CHECK_VALUE(false, "unknown rule '", name, "'", did_you_mean(name, known), "; choose one of: ", known);
}

WeightedRule weighted_rule(std::string_view text, const RuleDefaults& otherwise) {
  const auto star = text.find('*');
  if (star == std::string_view::npos) return {1, single_rule(text, otherwise)};
  return {parse_number(text.substr(0, star), "the weight before '*'"), single_rule(text.substr(star + 1), otherwise)};
}

}  // namespace

const std::vector<RuleInfo>& known_rules() {
  static const auto infos = [] {
    std::vector<RuleInfo> list;
    for (const auto& entry : rule_entries()) {
      list.push_back(entry.info);
      list.back().is_norm =
          std::dynamic_pointer_cast<const MatrixNorm>(rule_from_name(entry.info.examples[0])) != nullptr;
    }
    return list;
  }();
  return infos;
}

std::vector<std::string> example_norms(int64_t rows, int64_t columns) {
  constexpr std::string_view kThree = "k=3";
  const auto k = c10::str("k=", std::min({int64_t{3}, rows, columns}));
  std::vector<std::string> texts;
  std::set<std::string> names;
  for (const auto& info : known_rules()) {
    if (!info.is_norm) continue;
    for (auto text : info.examples) {
      if (const auto at = text.find(kThree); at != std::string::npos) text.replace(at, kThree.size(), k);
      if (names.insert(rule_from_name(text)->name()).second) texts.push_back(text);
    }
  }
  return texts;
}

RulePtr rule_from_name(std::string_view text, const RuleDefaults& otherwise) {
  constexpr std::string_view kPlus = " + ";
  if (text.find('*') == std::string_view::npos && text.find(kPlus) == std::string_view::npos)
    return single_rule(text, otherwise);
  std::vector<WeightedRule> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const auto end = std::min(text.find(kPlus, begin), text.size());
    parts.push_back(weighted_rule(text.substr(begin, end - begin), otherwise));
    begin = end == text.size() ? end + 1 : end + kPlus.size();
  }
  return mixture(parts);
}

NormPtr norm_from_name(std::string_view text) { return as_norm(rule_from_name(text), text); }

NormPtr as_norm(const RulePtr& rule, std::string_view text) {
  auto norm = std::dynamic_pointer_cast<const MatrixNorm>(rule);
  TORCH_CHECK_VALUE(norm, "'", text, "' is a rule but no norm: it has no value and no dual");
  return norm;
}

}  // namespace fanion::norms
