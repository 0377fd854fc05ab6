#pragma once

#include "experiments/airbench/airbench_task.h"

namespace fanion::experiments::airbench {

/// CIFAR-10 by the network and recipe of cifar10-airbench's airbench94_muon.py (KyFan §4.2): convolutions follow the
/// rule, with weights normalised, biases and head SGD with Nesterov's momentum. Eight epochs of 2000 images a step.
class AirbenchExperiment : public images::ImageExperiment {
 public:
  AirbenchExperiment();

  AirbenchOptions airbench;

  std::unique_ptr<Task> task() const override;
  Figure figure() const override;
  double rate_factor(Role role, int64_t step) const override;
  /// Its BatchNorm takes statistics of whole batches.
  void check_parts(int64_t parts) const override;

 protected:
  OptionTable own_options() override;
  void check_own() const override;
  std::vector<std::pair<int64_t, int64_t>> matrix_shapes() const override;
  optim::GroupSettings settings_at(double lr) const override;
  std::string other_rule() const override { return "SGD"; }
};

}  // namespace fanion::experiments::airbench
