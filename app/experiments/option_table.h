#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <variant>
#include <vector>

namespace fanion::experiments {

/// An option: where its value is kept, its name and its help.
struct Option {
  std::string name;  ///< "eval_every": the key in JSON; the flag is --eval-every
  std::variant<double*, int64_t*, bool*, std::string*> value;
  std::string help;
};

/// The one list behind the flags, config files and records of an experiment.
using OptionTable = std::vector<Option>;

/// {name: value, …}
nlohmann::json to_json(const OptionTable& options);

/// Overwrites the options that `json` holds. Unknown keys and wrong types throw before anything changes; `source` is
/// named.
void update_from_json(const OptionTable& options, const nlohmann::json& json, const std::string& source);

}  // namespace fanion::experiments
