#include "fanion/optim/lmo_optimizer.h"

#include <ATen/core/grad_mode.h>
#include <torch/serialize/archive.h>

namespace fanion::optim {
namespace {

/// Carries one group's learning rate, so that torch's schedulers can change it.
class LearningRate final : public torch::optim::OptimizerOptions {
 public:
  explicit LearningRate(double lr) : lr_(lr) {}
  std::unique_ptr<OptimizerOptions> clone() const override { return std::make_unique<LearningRate>(lr_); }
  double get_lr() const override { return lr_; }
  void set_lr(double lr) override { lr_ = lr; }

 private:
  double lr_;
};

class ParamState final : public torch::optim::OptimizerParamState {
 public:
  explicit ParamState(LmoOptimizer::State state) : tensors(std::move(state)) {}
  std::unique_ptr<OptimizerParamState> clone() const override { return std::make_unique<ParamState>(*this); }
  LmoOptimizer::State tensors;
};

LmoOptimizer::State initial_state(const at::Tensor& p, const GroupSettings& settings) {
  if (const auto* lmo = std::get_if<LmoSettings>(&settings)) {
    auto s = initial_lmo_state(p, *lmo->rule);
    return {{"momentum_buffer", s.momentum_buffer}, {"warm_start", s.warm_start}};
  }
  auto s = initial_adamw_state(p);
  return {{"exp_avg", s.exp_avg}, {"exp_avg_sq", s.exp_avg_sq}, {"step", s.step}};
}

double lr_of(const GroupSettings& settings) {
  if (const auto* lmo = std::get_if<LmoSettings>(&settings)) return lmo->step.lr;
  return std::get<AdamWOptions>(settings).lr;
}

NonfinitePolicy nonfinite_of(const LmoSettings& settings) { return settings.step.nonfinite; }
NonfinitePolicy nonfinite_of(const AdamWOptions& options) { return options.nonfinite; }

void check_group(const ParamGroup& group) {
  TORCH_CHECK_VALUE(!group.params.empty(), "a parameter group is empty");
  TORCH_CHECK_VALUE(group.names.empty() || group.names.size() == group.params.size(), "a group has ",
                    group.params.size(), " parameters and ", group.names.size(), " names");
  if (const auto* lmo = std::get_if<LmoSettings>(&group.settings)) {
    TORCH_CHECK_VALUE(lmo->rule, "a group has no rule");
    check_options(lmo->step);
  } else {
    check_options(std::get<AdamWOptions>(group.settings));
  }
}

/// Indices of the parameters that have a gradient and are not skipped; counts those that are.
std::vector<std::size_t> steppable(const ParamGroup& group, int64_t& skipped) {
  std::vector<std::size_t> with_gradient, active;
  std::vector<at::Tensor> grads;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < group.params.size(); ++i) {
    if (!group.params[i].grad().defined()) continue;
    with_gradient.push_back(i);
    grads.push_back(group.params[i].grad());
    if (!group.names.empty()) names.push_back(group.names[i]);
  }
  const auto policy = std::visit([](const auto& settings) { return nonfinite_of(settings); }, group.settings);
  const auto skip = check_gradients(grads, names, policy);
  for (std::size_t j = 0; j < with_gradient.size(); ++j) {
    if (skip[j])
      ++skipped;
    else
      active.push_back(with_gradient[j]);
  }
  return active;
}

}  // namespace

LmoOptimizer::LmoOptimizer(std::vector<at::Tensor> params, GroupSettings settings)
    : LmoOptimizer(std::vector<ParamGroup>{{std::move(params), std::move(settings)}}) {}

LmoOptimizer::LmoOptimizer(std::vector<ParamGroup> groups)
    : Optimizer(std::vector<torch::optim::OptimizerParamGroup>{}, std::make_unique<LearningRate>(0)),
      groups_(std::move(groups)) {
  for (const auto& group : groups_) {
    check_group(group);
    initial_lr_.push_back(lr_of(group.settings));
    // Torch 2.13 gives a group the defaults in place of options whose type it does not know.
    add_param_group(torch::optim::OptimizerParamGroup(group.params));
    param_groups_.back().options().set_lr(initial_lr_.back());
    for (const auto& p : group.params)
      state_[p.unsafeGetTensorImpl()] = std::make_unique<ParamState>(initial_state(p, group.settings));
  }
}

const LmoOptimizer::State& LmoOptimizer::state_of(const at::Tensor& p) const {
  return static_cast<const ParamState&>(*state_.at(p.unsafeGetTensorImpl())).tensors;
}

void LmoOptimizer::step_group(const ParamGroup& group, const std::vector<std::size_t>& active, double lr) {
  std::vector<at::Tensor> params, grads;
  std::array<std::vector<at::Tensor>, 3> state;  // by kind, then parameter
  for (const auto i : active) {
    params.push_back(group.params[i]);
    grads.push_back(group.params[i].grad());
    const auto& tensors = state_of(group.params[i]);
    for (std::size_t kind = 0; kind < tensors.size(); ++kind) state[kind].push_back(tensors[kind].second);
  }
  if (const auto* lmo = std::get_if<LmoSettings>(&group.settings)) {
    auto options = lmo->step;
    options.lr = lr;
    options.nonfinite = NonfinitePolicy::ignore;  // checked already
    lmo_step_(params, grads, state[0], state[1], *lmo->rule, options);
  } else {
    auto options = std::get<AdamWOptions>(group.settings);
    options.lr = lr;
    options.nonfinite = NonfinitePolicy::ignore;
    adamw_step_(params, grads, state[0], state[1], state[2], options);
  }
}

at::Tensor LmoOptimizer::step(LossClosure closure) {
  at::Tensor loss;
  if (closure) {
    const at::AutoGradMode enable_grad(true);
    loss = closure();
  }
  const at::NoGradGuard no_grad;
  // Every gradient is checked before the first parameter changes.
  std::vector<std::vector<std::size_t>> active;
  for (const auto& group : groups_) active.push_back(steppable(group, skipped_));
  for (std::size_t g = 0; g < groups_.size(); ++g)
    if (!active[g].empty()) step_group(groups_[g], active[g], param_groups_[g].options().get_lr());
  return loss;
}

std::vector<std::pair<std::string, at::Tensor>> LmoOptimizer::named_state() const {
  std::vector<std::pair<std::string, at::Tensor>> named;
  for (std::size_t g = 0; g < groups_.size(); ++g)
    for (std::size_t i = 0; i < groups_[g].params.size(); ++i) {
      for (const auto& [kind, tensor] : state_of(groups_[g].params[i]))
        named.emplace_back(c10::str(g, ".", i, ".", kind), tensor);
    }
  return named;
}

int64_t LmoOptimizer::state_bytes() const {
  int64_t bytes = 0;
  for (const auto& [name, tensor] : named_state()) bytes += static_cast<int64_t>(tensor.nbytes());
  return bytes;
}

void LmoOptimizer::scale_lr(double factor) {
  for (std::size_t g = 0; g < groups_.size(); ++g) param_groups_[g].options().set_lr(initial_lr_[g] * factor);
}

void LmoOptimizer::save(torch::serialize::OutputArchive& archive) const {
  for (const auto& [name, tensor] : named_state()) archive.write(name, tensor, /*is_buffer=*/true);
}

void LmoOptimizer::load(torch::serialize::InputArchive& archive) {
  const at::NoGradGuard no_grad;
  std::vector<std::pair<at::Tensor, at::Tensor>> pairs;
  for (const auto& [name, tensor] : named_state()) {
    at::Tensor stored;
    archive.read(name, stored, /*is_buffer=*/true);
    TORCH_CHECK_VALUE(stored.sizes() == tensor.sizes(), "the saved state ", name, " has shape ", stored.sizes(),
                      "; this optimizer needs ", tensor.sizes());
    pairs.emplace_back(tensor, stored);
  }
  for (auto& [tensor, stored] : pairs) tensor.copy_(stored);
}

}  // namespace fanion::optim
