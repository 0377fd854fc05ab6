#include <nlohmann/json.hpp>

#include "commands/rule_at_rate.h"
#include "data/json_text.h"
#include "experiments/registry.h"
#include "target.h"

namespace fanion::fuzz {
namespace {

void read_config(std::string_view input) {
  auto json = data::parse_json(input, "config.json");
  commands::split_rate(json, "config.json");
  const auto experiment = experiments::experiment_by_name("gpt");
  experiments::update_from_json(experiment->options(), json, "config.json");
  experiment->run.device = "cpu";  // which devices there are is no question of the text
  experiment->check();
}

}  // namespace

Target config() {
  return {"config",
          {experiments::experiment_by_name("gpt")->values().dump(1), R"({"optimizer": "muon@0.04", "steps": 3})",
           R"({"optimizer": "fanion:k=4,oversample=9223372036854775807", "lr": 0.1})",
           R"({"threads": 4294967297, "layers": 1099511627776, "nesterov": false, "seed": -1})",
           R"({"steps": {"a": [1, 2, {"b": null}]}, "lr": "three"})", std::string(5000, '[') + std::string(5000, ']'),
           R"({"width": 1e300, "eps": -0.0, "optimizer": 3})"},
          {"\"steps\"", "\"threads\"", "\"optimizer\"", "\"muon@0.1\"", "\"scale\"", "\"layers\"", "{", "}", "[", "]",
           ":", ",", "null", "true", "1e300", "9223372036854775807", "18446744073709551615", "-1", "\"\\u0000\""},
          read_config};
}

}  // namespace fanion::fuzz
