#include "experiments/figure.h"

#include <nlohmann/json.hpp>

namespace fanion::experiments {

nlohmann::json to_json(const Figure& figure) {
  auto quantities = nlohmann::json::array();
  for (const auto& q : figure.quantities)
    quantities.push_back({{"key", q.key}, {"label", q.label}, {"column", q.column}, {"log", q.log}});
  return {{"title", figure.title},
          {"quantities", quantities},
          {"x", {{"label", figure.x_label}, {"per_step", figure.x_per_step}}}};
}

}  // namespace fanion::experiments
