#pragma once

#include <torch/optim/optimizer.h>

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "fanion/optim/adamw_step.h"
#include "fanion/optim/lmo_step.h"

namespace fanion::optim {

/// A matrix rule with its step options; `presets.h` makes them.
struct LmoSettings {
  norms::RulePtr rule;
  LmoStepOptions step;
};
using GroupSettings = std::variant<LmoSettings, AdamWOptions>;

/// Parameters that share settings. `names` are for error messages; empty, or one per parameter.
struct ParamGroup {
  std::vector<at::Tensor> params;
  GroupSettings settings;
  std::vector<std::string> names = {};
};

/// A torch::optim::Optimizer whose groups each follow a matrix rule or AdamW.
///
/// \code
///   namespace optim = fanion::optim;
///   optim::LmoOptimizer optimizer({{.params = hidden, .settings = optim::muon({.lr = 0.02})},
///                                  {.params = rest, .settings = optim::AdamWOptions{.lr = 3e-3}}});
/// \endcode
/// State is made in the constructor. Throws there if a rule does not fit a parameter or an option is out of range.
class LmoOptimizer : public torch::optim::Optimizer {
 public:
  /// Kind and tensor, for one parameter.
  using State = std::vector<std::pair<const char*, at::Tensor>>;

  explicit LmoOptimizer(std::vector<ParamGroup> groups);
  LmoOptimizer(std::vector<at::Tensor> params, GroupSettings settings);

  /// One step of every parameter that has a gradient. All gradients are checked before the first is used.
  at::Tensor step(LossClosure closure = nullptr) override;

  /// State tensors by name, "GROUP.INDEX.momentum_buffer" and so on. They share storage with the optimizer.
  std::vector<std::pair<std::string, at::Tensor>> named_state() const;
  /// Bytes of all state tensors.
  int64_t state_bytes() const;
  /// Multiplies every group's initial learning rate by `factor`; schedules are written with it.
  void scale_lr(double factor);
  /// Parameters skipped so far because of non-finite gradients.
  int64_t skipped() const { return skipped_; }

  void save(torch::serialize::OutputArchive& archive) const override;
  void load(torch::serialize::InputArchive& archive) override;

 private:
  const State& state_of(const at::Tensor& p) const;
  void step_group(const ParamGroup& group, const std::vector<std::size_t>& active, double lr);

  std::vector<ParamGroup> groups_;
  std::vector<double> initial_lr_;
  int64_t skipped_ = 0;
};

}  // namespace fanion::optim
