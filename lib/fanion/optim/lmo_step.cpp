#include "fanion/optim/lmo_step.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "fanion/kernels/caches.h"
#include "fanion/no_autocast.h"
#include "fanion/optim/matrix_view.h"
#include "fanion/optim/sweep_step.h"
#include "fanion/threads.h"

namespace fanion::optim {
namespace {

void check_parameter(const at::Tensor& W, const at::Tensor& grad, const at::Tensor& buffer, const at::Tensor& warm,
                     const norms::DirectionRule& rule, const std::string& name) {
  TORCH_CHECK_VALUE(W.is_floating_point(), name, " is ", W.scalar_type(),
                    "; matrix rules take real floating-point numbers");
  TORCH_CHECK_VALUE(grad.layout() == at::kStrided, name, " has a sparse gradient; matrix rules need a dense one");
  TORCH_CHECK_VALUE(grad.sizes() == W.sizes() && buffer.sizes() == W.sizes(), name, " has shape ", W.sizes(),
                    ", its gradient ", grad.sizes(), ", its momentum ", buffer.sizes(), "; they must agree");
  const auto [m, n] = matrix_shape(W);
  const int64_t columns = rule.warm_columns(m, n);
  TORCH_CHECK_VALUE(columns == 0 || (warm.dim() == 2 && warm.size(0) == n && warm.size(1) == columns), name,
                    " has a warm start of shape ", warm.sizes(), "; rule '", rule.name(), "' needs (", n, ", ", columns,
                    ")");
}

void step_parameter(const at::Tensor& W, const at::Tensor& grad, at::Tensor buffer, at::Tensor warm,
                    const norms::DirectionRule& rule, const LmoStepOptions& o) {
  auto matrix = matrix_view(W);
  const MomentumOptions momentum{o.momentum, o.nesterov, o.momentum_kind};
  const double step = o.lr * norms::shape_scale(o.scale, rule, matrix.size(0), matrix.size(1));
  const double keep = 1 - o.lr * o.weight_decay;
  auto* start = warm.numel() > 0 ? &warm : nullptr;
  if (sweep_step_(W, grad, buffer, start, rule, momentum, step, keep)) return;
  const auto M = matrix_view(update_momentum_(buffer, grad, momentum));
  norms::apply_(matrix, rule.direction(M, start), step, keep);
  if (!matrix.is_alias_of(W)) W.copy_(matrix.view(W.sizes()));
}

/// Whether sharing the step of W out among the threads costs them more than they save; and then, whether the momenta of
/// as many as there are threads stay in the last cache, from which directions are found.
bool is_small(const at::Tensor& W) {
  return W.device().is_cpu() && 4 * W.numel() * at::get_num_threads() <= kernels::kLastCache;
}

}  // namespace

void check_options(const LmoStepOptions& o) {
  TORCH_CHECK_VALUE(o.lr >= 0 && std::isfinite(o.lr), "lr = ", o.lr, " must be finite and not negative");
  TORCH_CHECK_VALUE(o.momentum >= 0 && o.momentum < 1, "momentum = ", o.momentum, " must lie in [0, 1)");
  TORCH_CHECK_VALUE(o.weight_decay >= 0 && std::isfinite(o.weight_decay), "weight_decay = ", o.weight_decay,
                    " must be finite and not negative");
}

LmoState initial_lmo_state(const at::Tensor& parameter, const norms::DirectionRule& rule) {
  const auto [m, n] = matrix_shape(parameter);
  const auto dtype = parameter.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  return {at::zeros_like(parameter.detach(), dtype), norms::initial_warm_start(rule, m, n, parameter.options())};
}

int64_t lmo_step_(at::TensorList params, at::TensorList grads, at::TensorList momentum_buffers,
                  at::TensorList warm_starts, const norms::DirectionRule& rule, const LmoStepOptions& options,
                  const std::vector<std::string>& names) {
  const at::NoGradGuard no_grad;
  const NoAutocast whole;
  check_options(options);
  const auto count = params.size();
  TORCH_CHECK_VALUE(grads.size() == count && momentum_buffers.size() == count && warm_starts.size() == count &&
                        (names.empty() || names.size() == count),
                    "lmo_step_ got ", count, " parameters, ", grads.size(), " gradients, ", momentum_buffers.size(),
                    " momentum buffers, ", warm_starts.size(), " warm starts and ", names.size(), " names");
  for (std::size_t i = 0; i < count; ++i)
    check_parameter(params[i], grads[i], momentum_buffers[i], warm_starts[i], rule,
                    names.empty() ? c10::str("parameter ", i) : "parameter '" + names[i] + "'");
  const auto skip = check_gradients(grads, names, options.nonfinite);

  std::vector<std::size_t> small, large;
  std::set<const void*> states;
  for (std::size_t i = 0; i < count; ++i) {
    const bool listed_once = states.insert(momentum_buffers[i].unsafeGetTensorImpl()).second;
    if (!skip[i]) (is_small(params[i]) && listed_once ? small : large).push_back(i);
  }
  const auto step = [&](std::size_t i) {
    step_parameter(params[i], grads[i], momentum_buffers[i], warm_starts[i], rule, options);
  };
  for (const auto i : large) step(i);
  std::sort(small.begin(), small.end(), [&](auto i, auto j) { return params[i].numel() > params[j].numel(); });
  in_threads(std::ssize(small), [&](int64_t i) { step(small[i]); });
  return std::count(skip.begin(), skip.end(), true);
}

}  // namespace fanion::optim
