#include "tasks/gpt_groups.h"

#include "fanion/norms/registry.h"

namespace fanion::tasks {
namespace {

optim::AdamWOptions adamw(const GptOptions& o, double lr, double weight_decay) {
  return {.lr = lr, .beta1 = o.beta1, .beta2 = o.beta2, .eps = o.eps, .weight_decay = weight_decay};
}

optim::GroupSettings hidden_settings_of(const GptOptions& o) {
  if (o.optimizer == "adamw") {
    const auto settings = adamw(o, o.lr, o.weight_decay);
    optim::check_options(settings);
    return settings;
  }
  const optim::LmoSettings settings{norms::rule_from_name(o.optimizer),
                                    {.lr = o.lr,
                                     .momentum = o.momentum,
                                     .nesterov = o.nesterov,
                                     .momentum_kind = optim::momentum_kind_from_name(o.momentum_kind),
                                     .weight_decay = o.weight_decay,
                                     .scale = norms::shape_scale_from_name(o.scale)}};
  optim::check_options(settings.step);
  return settings;
}

/// What an error of `run` adds to say which option it is about.
template <class Function>
auto about_optimizer(const GptOptions& o, Function&& run) {
  try {
    return run();
  } catch (c10::Error& e) {
    e.add_context(c10::str("--optimizer ", o.optimizer, "; 'fanion rules' lists the rules, adamw is there too"));
    throw;
  }
}

}  // namespace

void check_groups(const GptOptions& o) {
  for (const double lr : {o.embedding_lr, o.head_lr, o.gain_lr}) optim::check_options(adamw(o, lr, 0));
  const auto hidden = hidden_settings(o);
  const auto* lmo = std::get_if<optim::LmoSettings>(&hidden);
  if (lmo == nullptr) return;
  about_optimizer(o, [&] {
    for (const auto& [m, n] : models::matrix_shapes(gpt_size(o, o.vocabulary))) lmo->rule->warm_columns(m, n);
  });
}

optim::GroupSettings hidden_settings(const GptOptions& o) {
  return about_optimizer(o, [&] { return hidden_settings_of(o); });
}

std::vector<optim::ParamGroup> gpt_groups(const models::Gpt& model, const GptOptions& o) {
  optim::ParamGroup hidden{{}, hidden_settings(o), {}};
  optim::ParamGroup embedding{{}, adamw(o, o.embedding_lr, 0), {}};
  optim::ParamGroup head{{}, adamw(o, o.head_lr, 0), {}};
  optim::ParamGroup gains{{}, adamw(o, o.gain_lr, 0), {}};
  for (const auto& p : model.parameters()) {
    auto& group = p.role == models::Role::matrix      ? hidden
                  : p.role == models::Role::embedding ? embedding
                  : p.role == models::Role::head      ? head
                                                      : gains;
    group.params.push_back(p.tensor);
    group.names.push_back(p.name);
  }
  return {hidden, embedding, head, gains};
}

}  // namespace fanion::tasks
