#pragma once

#include "fanion/optim/step.h"

/// Steps of one group, by lists with one entry per parameter.
namespace fanion::testing {

struct LmoState {
  at::Tensor momentum_buffer, warm_start;
};
inline LmoState initial_lmo_state(const at::Tensor& W, const norms::RulePtr& rule) {
  const auto state = optim::initial_state(W, optim::LmoSettings{rule, {}});
  return {state[0].second, state[1].second};
}

inline int64_t lmo_step_(at::TensorList W, at::TensorList g, at::TensorList B, at::TensorList warm,
                         const norms::RulePtr& rule, const optim::LmoStepOptions& options,
                         const std::vector<std::string>& names = {}) {
  std::vector<optim::StepEntry> entries;
  for (std::size_t i = 0; i < W.size(); ++i)
    entries.push_back(
        {W[i], g[i], {{"momentum_buffer", B[i]}, {"warm_start", warm[i]}}, 0, i, names.empty() ? "" : names[i]});
  return optim::step_(entries, {optim::LmoSettings{rule, options}});
}

}  // namespace fanion::testing
