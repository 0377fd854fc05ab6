#include "fanion/optim/lmo_optimizer.h"

#include <ATen/core/grad_mode.h>
#include <torch/optim/adamw.h>
#include <torch/serialize/archive.h>

#include <algorithm>
#include <tuple>
#include <unordered_set>

namespace fanion::optim {
namespace {

class ParamState final : public torch::optim::OptimizerParamState {
 public:
  explicit ParamState(NamedState state) : tensors(std::move(state)) {}
  std::unique_ptr<OptimizerParamState> clone() const override { return std::make_unique<ParamState>(*this); }
  NamedState tensors;
};

std::unique_ptr<torch::optim::OptimizerOptions> torch_options(const GroupSettings& settings) {
  if (const auto* lmo = std::get_if<LmoSettings>(&settings)) return std::make_unique<LmoGroupOptions>(lmo->step);
  const auto& o = std::get<AdamWOptions>(settings);
  auto options = std::make_unique<torch::optim::AdamWOptions>(o.lr);
  options->betas({o.beta1, o.beta2}).eps(o.eps).weight_decay(o.weight_decay);
  return options;
}

/// `settings` with what the group's options say now.
GroupSettings updated(GroupSettings settings, const torch::optim::OptimizerOptions& options, std::size_t g) {
  if (auto* lmo = std::get_if<LmoSettings>(&settings)) {
    const auto* given = dynamic_cast<const LmoGroupOptions*>(&options);
    TORCH_CHECK_VALUE(given != nullptr, "the options of group ", g, " must be LmoGroupOptions: it follows a rule");
    lmo->step = given->step;
    return settings;
  }
  const auto* given = dynamic_cast<const torch::optim::AdamWOptions*>(&options);
  TORCH_CHECK_VALUE(given != nullptr && !given->amsgrad(), "the options of group ", g,
                    " must be torch::optim::AdamWOptions without amsgrad: it follows AdamW");
  auto& o = std::get<AdamWOptions>(settings);
  o.lr = given->lr(), o.eps = given->eps(), o.weight_decay = given->weight_decay();
  std::tie(o.beta1, o.beta2) = given->betas();
  return settings;
}

}  // namespace

LmoOptimizer::LmoOptimizer(std::vector<at::Tensor> params, GroupSettings settings)
    : LmoOptimizer(std::vector<ParamGroup>{{std::move(params), std::move(settings)}}) {}

LmoOptimizer::LmoOptimizer(std::vector<ParamGroup> groups)
    : Optimizer(std::vector<torch::optim::OptimizerParamGroup>{}, std::make_unique<LmoGroupOptions>(LmoStepOptions{})) {
  for (auto& group : groups) add_param_group(std::move(group));
}

void LmoOptimizer::add_param_group(ParamGroup group) {
  const auto g = groups_.size();
  TORCH_CHECK_VALUE(!group.params.empty(), "parameter group ", g, " is empty");
  TORCH_CHECK_VALUE(group.names.empty() || group.names.size() == group.params.size(), "group ", g, " has ",
                    group.params.size(), " parameters and ", group.names.size(), " names");
  check_settings(group.settings);
  std::vector<NamedState> states;
  std::unordered_set<const void*> seen;
  for (std::size_t i = 0; i < group.params.size(); ++i) {
    const auto& p = group.params[i];
    TORCH_CHECK_VALUE(p.defined(), "parameter ", i, " of group ", g, " is undefined");
    const auto called = label({p, {}, {}, g, i, group.names.empty() ? "" : group.names[i]});
    TORCH_CHECK_VALUE(seen.insert(p.unsafeGetTensorImpl()).second && state_.count(p.unsafeGetTensorImpl()) == 0, called,
                      " is listed twice");
    try {
      states.push_back(initial_state(p, group.settings));
    } catch (const c10::Error& error) {
      TORCH_CHECK_VALUE(false, called, ": ", error.what_without_backtrace());
    }
  }
  Optimizer::add_param_group(torch::optim::OptimizerParamGroup(group.params));
  // Torch 2.13 gives a group the defaults in place of options whose type it does not know.
  param_groups_.back().set_options(torch_options(group.settings));
  for (std::size_t i = 0; i < group.params.size(); ++i)
    state_[group.params[i].unsafeGetTensorImpl()] = std::make_unique<ParamState>(std::move(states[i]));
  initial_lr_.push_back(lr_of(group.settings));
  groups_.push_back(std::move(group));
}

const NamedState& LmoOptimizer::state_of(const at::Tensor& p) const {
  return static_cast<const ParamState&>(*state_.at(p.unsafeGetTensorImpl())).tensors;
}

StepEntry LmoOptimizer::entry(std::size_t g, std::size_t i) const {
  const auto& group = groups_[g];
  return {group.params[i], {}, state_of(group.params[i]), g, i, group.names.empty() ? "" : group.names[i]};
}

std::vector<GroupSettings> LmoOptimizer::current_settings() const {
  TORCH_CHECK_VALUE(param_groups_.size() == groups_.size(), "the optimizer has ", param_groups_.size(),
                    " parameter groups, of which ", groups_.size(),
                    " follow a rule or AdamW: groups are added by LmoOptimizer::add_param_group");
  std::vector<GroupSettings> settings;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    TORCH_CHECK_VALUE(param_groups_[g].params().size() == groups_[g].params.size(), "group ", g, " had ",
                      groups_[g].params.size(), " parameters, now it has ", param_groups_[g].params().size());
    settings.push_back(updated(groups_[g].settings, param_groups_[g].options(), g));
  }
  return settings;
}

at::Tensor LmoOptimizer::step(LossClosure closure) {
  at::Tensor loss;
  if (closure) {
    const at::AutoGradMode enable_grad(true);
    loss = closure();
  }
  skipped_ += log_.poll(/*wait=*/false);
  const auto settings = current_settings();
  std::vector<StepEntry> entries;
  for (std::size_t g = 0; g < groups_.size(); ++g)
    for (std::size_t i = 0; i < groups_[g].params.size(); ++i) {
      if (!groups_[g].params[i].grad().defined()) continue;
      entries.push_back(entry(g, i));
      entries.back().grad = groups_[g].params[i].grad();
    }
  skipped_ += step_(entries, settings, {.log = &log_});
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

GroupSettings LmoOptimizer::settings(std::size_t g) const {
  TORCH_CHECK_VALUE(g < groups_.size(), "group ", g, " is out of range: there are ", groups_.size());
  return current_settings()[g];
}

void LmoOptimizer::set_settings(std::size_t g, GroupSettings settings) {
  TORCH_CHECK_VALUE(g < groups_.size(), "group ", g, " is out of range: there are ", groups_.size());
  check_settings(settings);
  for (std::size_t i = 0; i < groups_[g].params.size(); ++i) {
    const auto has = entry(g, i);
    const auto needs = initial_state(has.parameter, settings);
    const auto alike = [](const auto& a, const auto& b) {
      return a.first == b.first && a.second.sizes() == b.second.sizes() && a.second.dtype() == b.second.dtype();
    };
    TORCH_CHECK_VALUE(std::ranges::equal(has.state, needs, alike), label(has),
                      " has state that the new settings do not take: make another optimizer");
  }
  param_groups_[g].set_options(torch_options(settings));
  initial_lr_[g] = lr_of(settings);
  groups_[g].settings = std::move(settings);
}

void LmoOptimizer::scale_lr(double factor) {
  for (std::size_t g = 0; g < groups_.size(); ++g) param_groups_[g].options().set_lr(initial_lr_[g] * factor);
}

void LmoOptimizer::check() const { skipped_ += log_.poll(/*wait=*/true); }

void LmoOptimizer::save(torch::serialize::OutputArchive& archive) const {
  check();
  for (const auto& [name, tensor] : named_state()) archive.write(name, tensor, /*is_buffer=*/true);
}

void LmoOptimizer::load(torch::serialize::InputArchive& archive) {
  const at::NoGradGuard no_grad;
  const auto settings = current_settings();
  std::vector<std::pair<at::Tensor, at::Tensor>> pairs;
  for (std::size_t g = 0; g < groups_.size(); ++g)
    for (std::size_t i = 0; i < groups_[g].params.size(); ++i) {
      const auto to = entry(g, i);
      const auto fresh = initial_state(to.parameter, settings[g]);
      std::vector<std::string> missing;
      for (std::size_t k = 0; k < to.state.size(); ++k) {
        const auto& [kind, tensor] = to.state[k];
        const auto name = c10::str(g, ".", i, ".", kind);
        at::Tensor stored;
        if (!archive.try_read(name, stored, /*is_buffer=*/true)) {
          missing.push_back(kind);
          stored = fresh[k].second;
        }
        TORCH_CHECK_VALUE(stored.sizes() == tensor.sizes(), "the saved state ", name, " has shape ", stored.sizes(),
                          "; this optimizer needs ", tensor.sizes());
        pairs.emplace_back(tensor, stored);
      }
      TORCH_CHECK_VALUE(missing.size() < to.state.size(), "the archive has no state of ", label(to));
      for (const auto& kind : missing)
        TORCH_WARN("the archive has no ", kind, " of ", label(to), "; it was made fresh");
    }
  for (auto& [tensor, stored] : pairs) tensor.copy_(stored);
}

}  // namespace fanion::optim
