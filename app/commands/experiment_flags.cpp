#include "commands/experiment_flags.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "commands/rule_at_rate.h"
#include "data/json_text.h"

namespace fanion::commands {

ExperimentFlags::ExperimentFlags(CLI::App& command, experiments::MakeExperiment make,
                                 const std::vector<std::string>& hidden)
    : make_(std::move(make)), values_(make_()) {
  given_.emplace_back("config",
                      command.add_option("--config", config_, "JSON file of options, or a run's config.json"));
  for (const auto& option : values_->options()) {
    std::string flag = "--" + option.name;
    std::string dashed = flag;
    std::replace(dashed.begin() + 2, dashed.end(), '_', '-');
    if (dashed != flag) flag = c10::str(dashed, ",", flag);
    std::visit(
        [&](const auto& value) {
          CLI::Option* added = nullptr;
          if constexpr (std::is_same_v<std::decay_t<decltype(value)>, experiments::Choice>) {
            const auto choose = [value](const std::string& text) { value.choose(text)(); };
            added = command.add_option_function<std::string>(flag, choose, option.help)->default_str(value.name());
          } else {
            added = command.add_option(flag, *value, option.help)->capture_default_str();
          }
          if (std::find(hidden.begin(), hidden.end(), option.name) != hidden.end()) added->group("");
          given_.emplace_back(option.name, added);
        },
        option.value);
  }
}

experiments::ExperimentPtr ExperimentFlags::experiment() const {
  auto experiment = make_();
  const auto options = experiment->options();
  if (!config_.empty()) {
    auto json = data::read_json(config_);
    TORCH_CHECK_VALUE(json.is_object(), config_, ": is no JSON object");
    if (json.contains("options")) {
      const auto other = json.value("experiment", nlohmann::json("gpt"));  // configs without a name are the GPT's
      TORCH_CHECK_VALUE(other == name(), config_, ": is of the experiment ", data::shown(other), ", not of ", name());
      json = nlohmann::json(json["options"]);
    }
    split_rate(json, config_);
    experiments::update_from_json(options, json, config_);
  }
  // What was given on the command line wins over the file.
  auto flags = values_->values();
  for (const auto& [name, option] : given_)
    if (option->count() == 0) flags.erase(name);
  split_rate(flags, "command line");
  experiments::update_from_json(options, flags, "command line");
  return experiment;
}

void ExperimentFlags::refuse(const std::string& because, const std::vector<std::string>& names) const {
  for (const auto& [name, option] : given_) {
    if (!names.empty() && std::find(names.begin(), names.end(), name) == names.end()) continue;
    TORCH_CHECK_VALUE(option->count() == 0, "--", name, " cannot be given here: ", because);
  }
}

void check_experiment(const record::RunFolder& run, const std::string& experiment, const std::string& command) {
  TORCH_CHECK_VALUE(run.experiment() == experiment, run.path().string(), " is a run of ", run.experiment(),
                    "; go on with: fanion ", command, " ", run.experiment(), " --resume ", run.path().string());
}

}  // namespace fanion::commands
