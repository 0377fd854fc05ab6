#include "commands/gpt_flags.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "commands/rule_at_rate.h"
#include "data/json_text.h"

namespace fanion::commands {

GptFlags::GptFlags(CLI::App& command, const std::vector<std::string>& hidden) {
  given_.emplace_back("config",
                      command.add_option("--config", config_, "JSON file of options, or a run's config.json"));
  tasks::visit_options(flags_, [&](const char* name, auto& field, const char* help) {
    std::string flag = std::string("--") + name;
    std::string dashed = flag;
    std::replace(dashed.begin() + 2, dashed.end(), '_', '-');
    if (dashed != flag) flag = dashed + "," + flag;
    auto* option = command.add_option(flag, field, help)->capture_default_str();
    if (std::find(hidden.begin(), hidden.end(), name) != hidden.end()) option->group("");
    given_.emplace_back(name, option);
  });
}

tasks::GptOptions GptFlags::options() const {
  tasks::GptOptions options;
  if (!config_.empty()) {
    auto json = data::read_json(config_);
    TORCH_CHECK_VALUE(json.is_object(), config_, ": is no JSON object");
    if (json.contains("options")) json = json["options"];
    split_rate(json, config_);
    tasks::update_from_json(options, json, config_);
  }
  // What was given on the command line wins over the file.
  auto flags = tasks::to_json(flags_);
  for (const auto& [name, option] : given_)
    if (option->count() == 0) flags.erase(name);
  split_rate(flags, "command line");
  tasks::update_from_json(options, flags, "command line");
  return options;
}

void GptFlags::refuse(const std::string& because, const std::vector<std::string>& names) const {
  for (const auto& [name, option] : given_) {
    if (!names.empty() && std::find(names.begin(), names.end(), name) == names.end()) continue;
    TORCH_CHECK_VALUE(option->count() == 0, "--", name, " cannot be given here: ", because);
  }
}

}  // namespace fanion::commands
