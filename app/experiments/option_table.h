#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <variant>
#include <vector>

namespace fanion::experiments {

/// One of a closed set of names.
struct Choice {
  std::function<std::string()> name;  ///< of what is chosen now
  /// What will choose the one of that name; throws, with all of them, where there is none.
  std::function<std::function<void()>(const std::string&)> choose;
};

/// An option: where its value is kept, its name and its help.
struct Option {
  std::string name;  ///< "eval_every": the key in JSON; the flag is --eval-every
  std::variant<double*, int64_t*, bool*, std::string*, Choice> value;
  std::string help;
  std::string former = {};  ///< the name that older records have for it
};

/// The one list behind the flags, config files and records of an experiment.
using OptionTable = std::vector<Option>;

/// {name: value, …}
nlohmann::json to_json(const OptionTable& options);

/// Overwrites the options that `json` holds. Unknown keys and wrong types throw before anything changes; `source` is
/// named.
void update_from_json(const OptionTable& options, const nlohmann::json& json, const std::string& source);

}  // namespace fanion::experiments
