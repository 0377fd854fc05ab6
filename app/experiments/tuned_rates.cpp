#include "experiments/tuned_rates.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "tuned_rates_json.h"

namespace fanion::experiments {

const std::vector<TunedRate>& tuned_rates(const std::string& experiment) {
  static const auto all = [] {
    std::map<std::string, std::vector<TunedRate>> rates;
    for (const auto& [folder, json] : kTunedRatesJson) {
      std::string name = folder;
      std::replace(name.begin(), name.end(), '_', '-');
      const auto record = nlohmann::json::parse(json);
      for (const auto& entry : record.at("optimizers"))
        rates[name].push_back({entry.at("label"), entry.at("optimizer"), entry.at("lr")});
    }
    return rates;
  }();
  static const std::vector<TunedRate> none;
  const auto found = all.find(experiment);
  return found == all.end() ? none : found->second;
}

double tuned_rate(const std::string& experiment, const std::string& optimizer) {
  std::string known;
  for (const auto& rate : tuned_rates(experiment)) {
    if (rate.optimizer == optimizer) return rate.lr;
    known.append(known.empty() ? "" : ", ").append(rate.optimizer);
  }
  TORCH_CHECK_VALUE(false, "no learning rate was tuned for '", optimizer,
                    "'; give one with --lr (tuned: ", known.empty() ? "none" : known, ")");
}

}  // namespace fanion::experiments
