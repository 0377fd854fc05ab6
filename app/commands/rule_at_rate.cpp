#include "commands/rule_at_rate.h"

#include <c10/util/Exception.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "fanion/number_text.h"

namespace fanion::commands {

RuleAtRate parse_rule_at_rate(const std::string& text) {
  const auto at = text.rfind('@');
  if (at == std::string::npos) return {text, std::nullopt};
  const auto lr = number_from_text<double>(std::string_view(text).substr(at + 1));
  TORCH_CHECK_VALUE(lr && *lr > 0 && std::isfinite(*lr), "'", text,
                    "': expected RULE@LEARNING_RATE with a positive rate");
  return {text.substr(0, at), lr};
}

void split_rate(nlohmann::json& options, const std::string& source) {
  if (!options.contains("optimizer") || !options["optimizer"].is_string()) return;
  const auto text = options["optimizer"].get<std::string>();
  const auto [rule, lr] = parse_rule_at_rate(text);
  if (!lr) return;
  TORCH_CHECK_VALUE(!options.contains("lr"), source, ": the optimizer '", text,
                    "' brings its learning rate; give no lr");
  options["optimizer"] = rule;
  options["lr"] = *lr;
}

}  // namespace fanion::commands
