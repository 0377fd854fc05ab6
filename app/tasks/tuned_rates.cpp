#include "tasks/tuned_rates.h"

#include <c10/util/Exception.h>

#include <nlohmann/json.hpp>

#include "tuned_rates_json.h"

namespace fanion::tasks {

const std::vector<TunedRate>& tuned_rates() {
  static const auto rates = [] {
    std::vector<TunedRate> list;
    const auto record = nlohmann::json::parse(kTunedRatesJson);
    for (const auto& entry : record.at("optimizers"))
      list.push_back({entry.at("label"), entry.at("optimizer"), entry.at("lr")});
    return list;
  }();
  return rates;
}

double tuned_rate(const std::string& optimizer) {
  std::string known;
  for (const auto& rate : tuned_rates()) {
    if (rate.optimizer == optimizer) return rate.lr;
    known.append(known.empty() ? "" : ", ").append(rate.optimizer);
  }
  TORCH_CHECK_VALUE(false, "no learning rate was tuned for '", optimizer, "'; give one with --lr (tuned: ", known, ")");
}

}  // namespace fanion::tasks
