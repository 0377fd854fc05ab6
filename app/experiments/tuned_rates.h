#pragma once

#include <string>
#include <vector>

namespace fanion::experiments {

/// An optimizer of an experiment and the learning rate its matrices are trained with where none is given;
/// docs/experiments.md says for each experiment where they come from. 0: the paper's 1/√T.
struct TunedRate {
  std::string label;
  std::string optimizer;
  double lr;
};

/// Those of `experiments/NAME/tuned_rates.json`, which is built in: the optimizers that `fanion compare NAME` compares,
/// in the order of its table. Empty where there is no such file.
const std::vector<TunedRate>& tuned_rates(const std::string& experiment);

/// The rate of `optimizer`; throws if it was never tuned, listing those that were.
double tuned_rate(const std::string& experiment, const std::string& optimizer);

}  // namespace fanion::experiments
