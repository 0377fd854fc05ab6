#pragma once

#include <torch/optim/optimizer.h>

#include <string>
#include <utility>
#include <vector>

#include "fanion/optim/group_settings.h"
#include "fanion/optim/step.h"

namespace fanion::optim {

/// Parameters that share settings. `names` are for error messages; empty, or one per parameter.
struct ParamGroup {
  std::vector<at::Tensor> params;
  GroupSettings settings;
  std::vector<std::string> names = {};
};

/// `param_groups()[g].options()` of a group that follows a matrix rule; an AdamW group's is a
/// torch::optim::AdamWOptions. What is changed there counts from the next step on.
class LmoGroupOptions final : public torch::optim::OptimizerOptions {
 public:
  explicit LmoGroupOptions(const LmoStepOptions& options) : step(options) {}
  std::unique_ptr<OptimizerOptions> clone() const override { return std::make_unique<LmoGroupOptions>(step); }
  double get_lr() const override { return step.lr; }
  void set_lr(double lr) override { step.lr = lr; }

  LmoStepOptions step;
};

/// A torch::optim::Optimizer whose groups each follow a matrix rule or AdamW.
///
/// \code
///   namespace optim = fanion::optim;
///   optim::LmoOptimizer optimizer({{.params = hidden, .settings = optim::muon({.lr = 0.02})},
///                                  {.params = rest, .settings = optim::AdamWOptions{.lr = 3e-3}}});
/// \endcode
/// State is made in the constructor. Throws there if a rule does not fit a parameter, an option is out of range or a
/// parameter is listed twice.
class LmoOptimizer : public torch::optim::Optimizer {
 public:
  explicit LmoOptimizer(std::vector<ParamGroup> groups);
  LmoOptimizer(std::vector<at::Tensor> params, GroupSettings settings);

  /// One more group; where this throws, nothing was added.
  void add_param_group(ParamGroup group);
  /// Torch's says nothing of a rule.
  // NOLINTNEXTLINE(bugprone-derived-method-shadowing-base-method): deleted, so that no call reaches the shadowed one
  void add_param_group(const torch::optim::OptimizerParamGroup& group) = delete;

  /// One step of every parameter that has a gradient. All of it is checked before the first parameter changes.
  at::Tensor step(LossClosure closure = nullptr) override;

  /// State tensors by name, "GROUP.INDEX.momentum_buffer" and so on. They share storage with the optimizer.
  std::vector<std::pair<std::string, at::Tensor>> named_state() const;
  /// Bytes of all state tensors.
  int64_t state_bytes() const;
  /// Rule and options of group g as they are now, whoever changed them.
  GroupSettings settings(std::size_t g) const;
  /// Another rule or other options for group g, from the next step on; its rate becomes the one that `scale_lr` scales.
  /// Throws where they need other state than the group has (a warm start of other width, say), before anything changes.
  void set_settings(std::size_t g, GroupSettings settings);
  /// Sets every group's learning rate to `factor` times its initial one, that of its settings; schedules are written
  /// with it. It is relative to that one, not to the last: twice 0.5 is 0.5.
  void scale_lr(double factor);
  /// Parameters skipped so far because of non-finite gradients; of steps on an accelerator, as far as `check` has seen.
  int64_t skipped() const { return skipped_; }
  /// Waits for what steps on an accelerator have found in their gradients. Throws what they could not: a ValueError
  /// naming the parameter whose gradient was not finite, with `nonfinite` = error; that step changed nothing. A later
  /// step throws the same once the device has told it; `save` asks here.
  void check() const;

  void save(torch::serialize::OutputArchive& archive) const override;
  /// Throws where a state does not fit, before anything changes. A kind of state that the archive has not, because an
  /// older version wrote it, is made fresh, with a warning.
  void load(torch::serialize::InputArchive& archive) override;

 private:
  const NamedState& state_of(const at::Tensor& p) const;
  /// Entry i of group g, without its gradient.
  StepEntry entry(std::size_t g, std::size_t i) const;
  /// The settings of the groups as their options are now.
  std::vector<GroupSettings> current_settings() const;

  std::vector<ParamGroup> groups_;
  std::vector<double> initial_lr_;
  mutable int64_t skipped_ = 0;
  mutable NonfiniteLog log_;
};

}  // namespace fanion::optim
