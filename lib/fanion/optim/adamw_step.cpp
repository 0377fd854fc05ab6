#include "fanion/optim/adamw_step.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <cmath>

namespace fanion::optim {

void check_options(const AdamWOptions& o) {
  TORCH_CHECK_VALUE(o.lr >= 0 && std::isfinite(o.lr), "lr = ", o.lr, " must be finite and not negative");
  TORCH_CHECK_VALUE(o.beta1 >= 0 && o.beta1 < 1 && o.beta2 >= 0 && o.beta2 < 1, "betas = (", o.beta1, ", ", o.beta2,
                    ") must lie in [0, 1)");
  TORCH_CHECK_VALUE(o.eps >= 0 && std::isfinite(o.eps), "eps = ", o.eps, " must be finite and not negative");
  TORCH_CHECK_VALUE(o.weight_decay >= 0 && std::isfinite(o.weight_decay), "weight_decay = ", o.weight_decay,
                    " must be finite and not negative");
}

AdamWState initial_adamw_state(const at::Tensor& parameter) {
  const auto p = parameter.detach();
  return {at::zeros_like(p), at::zeros_like(p), at::zeros({}, p.options().dtype(at::kFloat))};
}

int64_t adamw_step_(at::TensorList params, at::TensorList grads, at::TensorList exp_avgs, at::TensorList exp_avg_sqs,
                    at::TensorList steps, const AdamWOptions& o, const std::vector<std::string>& names) {
  const at::NoGradGuard no_grad;
  check_options(o);
  const auto count = params.size();
  TORCH_CHECK_VALUE(grads.size() == count && exp_avgs.size() == count && exp_avg_sqs.size() == count &&
                        steps.size() == count && (names.empty() || names.size() == count),
                    "adamw_step_ got ", count, " parameters, ", grads.size(), " gradients, ", exp_avgs.size(), ", ",
                    exp_avg_sqs.size(), " moments, ", steps.size(), " step counts and ", names.size(), " names");
  for (std::size_t i = 0; i < count; ++i)
    TORCH_CHECK_VALUE(grads[i].sizes() == params[i].sizes(), "parameter ", i, " has shape ", params[i].sizes(),
                      ", its gradient ", grads[i].sizes());
  const auto skip = check_gradients(grads, names, o.nonfinite);

  std::vector<at::Tensor> p, g, m, v, t;
  for (std::size_t i = 0; i < count; ++i) {
    if (skip[i]) continue;
    p.push_back(params[i]), g.push_back(grads[i].to(params[i].scalar_type()));
    m.push_back(exp_avgs[i]), v.push_back(exp_avg_sqs[i]), t.push_back(steps[i].add_(1));
  }
  if (!p.empty())
    at::_fused_adamw_(p, g, m, v, {}, t, o.lr, o.beta1, o.beta2, o.weight_decay, o.eps, /*amsgrad=*/false,
                      /*maximize=*/false);
  return static_cast<int64_t>(count - p.size());
}

}  // namespace fanion::optim
