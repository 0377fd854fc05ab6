#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace fanion::experiments {

/// A number that a validation gives, and the axis that shows it.
struct Quantity {
  std::string key;     ///< in metrics.jsonl: "validation_loss"
  std::string label;   ///< of the axis: "validation loss (nats per token)"
  std::string column;  ///< heading in a table: "val loss"
  bool log = false;    ///< logarithmic axis
};

/// What a plot of runs needs to know; `config.json` holds it, so that plots know no experiment.
struct Figure {
  std::string title;
  std::vector<Quantity> quantities;  ///< in the order of `Task::validate`
  std::string x_label = "optimizer steps";
  double x_per_step = 1;  ///< of the axis' unit: 1/(steps per epoch) for epochs
};

nlohmann::json to_json(const Figure& figure);

}  // namespace fanion::experiments
