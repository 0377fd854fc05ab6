#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "experiments/cells.h"
#include "experiments/tuned_rates.h"

namespace fanion::experiments {

/// A rule with the first quantity of its runs' last validations, by rate; infinite where one failed.
struct TunedRule {
  TunedRate best;
  std::map<double, double> losses;
};

/// A new experiment for a rule, with everything but the rule and its rate as it is to be.
using MakeConfigured = std::function<std::shared_ptr<Experiment>(const TunedRate&)>;

/// The best rate of each rule, by trainings in `top`: those with the rate given (`start` where it is 0), with half and
/// with twice that, and on in the direction that gets better until both neighbours of the best rate are worse. Rules
/// are tuned side by side; finished runs in the folder are used again. Ends a rule after 8 rounds.
std::vector<TunedRule> tune_rates(const std::filesystem::path& top, const std::vector<TunedRate>& rules, double start,
                                  const MakeConfigured& make, const CellOptions& options);

}  // namespace fanion::experiments
