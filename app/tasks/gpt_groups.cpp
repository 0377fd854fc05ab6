#include "tasks/gpt_groups.h"

#include "fanion/norms/registry.h"

namespace fanion::tasks {
namespace {

optim::AdamWOptions adamw(const GptOptions& o, double lr, double weight_decay) {
  return {.lr = lr, .beta1 = o.beta1, .beta2 = o.beta2, .eps = o.eps, .weight_decay = weight_decay};
}

}  // namespace

optim::GroupSettings hidden_settings(const GptOptions& o) {
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
