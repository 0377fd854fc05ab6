#pragma once

#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

#include "experiments/experiment.h"
#include "fanion/optim/lmo_optimizer.h"
#include "observers/observer.h"
#include "processes/world.h"
#include "record/checkpoint.h"

namespace fanion::experiments {

/// One run in memory: what it takes to step, to validate and to save.
class Training {
 public:
  /// Of a resolved and checked experiment, by these processes; both have to outlive it.
  Training(const Experiment& experiment, const processes::World& world);

  /// Loss before the step, and the seconds of the optimizer alone. Errors say which step it was.
  std::pair<double, double> step(int64_t step);

  /// What the observers that look after `step` see, a line for each matrix.
  std::vector<nlohmann::json> observe(int64_t step) const;

  /// The experiment's quantities.
  std::vector<double> validate() const;

  /// `newton_schulz_choices` of its matrices.
  std::map<std::string, std::string> newton_schulz() const;

  void start_from(const std::string& checkpoint);

  /// All that a checkpoint holds: parameters, buffers and the optimizer's state.
  record::NamedTensors tensors() const;

  /// Throws, naming it, if a parameter is no longer finite.
  void check_parameters(int64_t step) const;

  double state_bytes_per_parameter() const;

 private:
  /// Gradients and loss ← their means over the processes.
  void average(double& loss);
  void set_rates(int64_t step);
  void clip_gradients();

  const Experiment& experiment_;
  const processes::World& world_;
  const RunOptions& o_;
  at::Device device_;
  std::unique_ptr<Task> task_;
  std::map<Role, optim::GroupSettings> settings_;
  optim::LmoOptimizer optimizer_;
  std::vector<observers::Watch> watches_;
};

}  // namespace fanion::experiments
