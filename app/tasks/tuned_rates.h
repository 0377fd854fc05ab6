#pragma once

#include <string>
#include <vector>

namespace fanion::tasks {

/// One optimizer of the demo and the learning rate its hidden matrices got from the grid search that
/// `docs/records/gpt-demo.md` describes.
struct TunedRate {
  std::string label;
  std::string optimizer;
  double lr;
};

/// The seven of `fanion compare gpt`, in the order of the table. Read from the record that is built in.
const std::vector<TunedRate>& tuned_rates();

/// The rate of `optimizer`; throws if it was never tuned, listing those that were.
double tuned_rate(const std::string& optimizer);

}  // namespace fanion::tasks
