#pragma once

#include <c10/util/Exception.h>

#include <cstdint>
#include <string>

#include "experiments/option_table.h"
#include "fanion/norms/registry.h"
#include "fanion/optim/adamw_step.h"
#include "fanion/optim/step_options.h"

namespace fanion::experiments {

/// What the runner and the optimizer of any experiment need; an experiment's constructor sets its own defaults.
struct RunOptions {
  std::string optimizer = "muon";
  norms::RuleDefaults rule_defaults;                       ///< no option: those of the version that a run began with
  double lr = 0;                                           ///< 0: the rate tuned for the experiment, where there is one
  optim::LmoStepOptions step{.weight_decay = 0};           ///< of the matrices, but for lr, which is the one above
  optim::AdamWOptions adamw{.beta2 = 0.95, .eps = 1e-10};  ///< its beta1, beta2 and eps; rates are the experiment's

  int64_t steps = 200;
  double warmup = 0;
  double cooldown = 0.5;
  std::string schedule = "linear";
  double clip = 0;
  int64_t eval_every = 25;
  int64_t checkpoint_every = 50;

  std::string record;     ///< observers, "spectra@50"
  std::string init_from;  ///< checkpoint (or folder of a run) whose weights are the start; empty: those of the seed

  int64_t seed = 0;
  int64_t threads = 0;
  std::string device = "cpu";
};

/// The options by name, with their help.
OptionTable option_table(RunOptions& options);

/// Throws naming the first option that is out of range, with what it may be.
void check(const RunOptions& options);

/// Throws, calling it --name, unless smallest ≤ value ≤ largest.
template <class Number>
void check_in_range(const std::string& name, Number value, Number smallest, Number largest) {
  TORCH_CHECK_VALUE(value >= smallest && value <= largest, "--", name, " ", value, " must lie in ", smallest, " to ",
                    largest);
}

/// The same for learning rates and other factors: 0 to the largest float32.
void check_not_negative(const std::string& name, double value);

}  // namespace fanion::experiments
