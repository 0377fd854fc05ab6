#pragma once

#include <ATen/core/Generator.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "experiments/figure.h"
#include "experiments/option_table.h"
#include "experiments/parameter.h"
#include "experiments/run_options.h"
#include "fanion/optim/group_settings.h"

namespace fanion::experiments {

/// Which batch, noise or dropout mask: all randomness of a loss is a function of seed and step.
struct Draw {
  int64_t seed = 0;             ///< the run's, or another for batches that the run never saw
  int64_t step = 0;             ///< from 0
  int64_t part = 0, parts = 1;  ///< the loss is that of this one of so many equal parts of the batch
};

/// A generator for a draw, whatever the part; `stream` keeps several of one draw apart.
at::Generator generator_of(const Draw& draw, int64_t stream = 0);

/// The draw's part of what there is for every example of a batch, along dimension 0.
at::Tensor part_of(const at::Tensor& whole, const Draw& draw);

/// An experiment in memory: what the runner steps. Made by `Experiment::task` from checked options.
class Task {
 public:
  virtual ~Task() = default;

  /// Names, roles and tensors; the order is that of the optimizer's state.
  virtual const std::vector<Parameter>& parameters() const = 0;

  /// The loss as a scalar to differentiate: a function of the draw and the parameters alone, so that a resumed run
  /// sees what an uninterrupted one saw. Randomness comes from `generator_of(draw)`.
  virtual at::Tensor loss(const Draw& draw) = 0;

  /// Sets every parameter's gradient to that of `loss(draw)` and returns the loss. To be overridden where the gradient
  /// is known in closed form.
  virtual double gradients(const Draw& draw);

  /// The experiment's `Figure::quantities`, in their order, the same in every run; the first tells runs apart, lower
  /// is better. Called without gradients.
  virtual std::vector<double> validate() = 0;

  /// What a step changes and a validation reads beside the parameters, running means for example, by name; checkpoints
  /// hold it. A loss depends on none of it.
  virtual std::vector<std::pair<std::string, at::Tensor>> buffers() { return {}; }
};

/// What an experiment is: its options and how to make a `Task` of them.
///
/// To add one: a folder `experiments/NAME/` with a class derived from `Task`, one derived from this, and a
/// `tuned_rates.json`; and a line in `registry.cpp`. `train`, `compare`, `estimate`, `plot`, `sweep` and `tune` then
/// have it. docs/adding-an-experiment.md goes through an example.
///
/// Life of an object: constructed with defaults, options overwritten through `options()`, `resolve`d, `check`ed, then
/// asked for anything.
class Experiment {
 public:
  /// `name` is the word on the command line ("least-squares"); its folder has underscores for the dashes.
  Experiment(std::string name, std::string summary) : name_(std::move(name)), summary_(std::move(summary)) {}
  virtual ~Experiment() = default;

  const std::string& name() const { return name_; }
  const std::string& summary() const { return summary_; }

  RunOptions run;
  /// Learning rate of each role of a parameter that is no matrix; each is an option, ROLE_lr.
  std::map<Role, double> role_lr;

  /// All options: the runner's, the rates of `role_lr`, the experiment's own. Points into this object.
  OptionTable options();
  /// Their values, as `config.json` holds them.
  nlohmann::json values() const;

  /// Fills in what 0 or "" stands for: tuned rate, threads, and what `resolve_own` does.
  void resolve();
  /// Throws naming the first option that is out of range, or the rule that does not fit a matrix.
  void check() const;

  /// Throws where the data, or the weights to start with, are unusable. Called before the folder of a run is made.
  void check_inputs() const;
  /// The options that name files or folders of data: a run records their sizes and hashes, and is refused others.
  virtual std::vector<std::string> data_options() const { return {}; }

  /// Parameters, data and initial values by the options. Options are resolved and checked.
  virtual std::unique_ptr<Task> task() const = 0;

  /// What each role follows: matrices the run's rule, those of `role_lr` what `settings_at` says.
  std::map<Role, optim::GroupSettings> settings() const;
  /// The factor on a role's learning rate in step `step`, from 0: the run's schedule, the same for all.
  virtual double rate_factor(Role role, int64_t step) const;

  /// Throws where the batch of a step has not so many equal parts whose mean loss is the batch's, naming the options
  /// that decide it; processes that train together take one each. Without an override there is only the whole.
  virtual void check_parts(int64_t parts) const;

  /// What a step works through, for rates on the progress line: {"tok", 2048}.
  virtual std::pair<std::string, double> work_per_step() const = 0;
  /// Of resolved options.
  virtual Figure figure() const = 0;

  /// What a trained task shows at the end of a comparison; empty: nothing.
  virtual std::string show(Task&) const { return ""; }

 protected:
  /// Throws where the data are unusable.
  virtual void check_data() const {}
  virtual OptionTable own_options() { return {}; }
  virtual void resolve_own() {}
  virtual void check_own() const {}
  /// What parameters that are no matrices follow at the rate `lr`: AdamW without weight decay.
  virtual optim::GroupSettings settings_at(double lr) const;
  /// The word for it in the help of their options.
  virtual std::string other_rule() const { return "AdamW"; }
  /// Shapes (m, n) of the parameters with the role `matrix`, each at least once.
  virtual std::vector<std::pair<int64_t, int64_t>> matrix_shapes() const = 0;

 private:
  std::string name_, summary_;
};

}  // namespace fanion::experiments
