#include "fanion/optim/state.h"

#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <string_view>

#include "fanion/optim/matrix_view.h"

namespace fanion::optim {
namespace {

constexpr std::string_view kWarmStart = "warm_start";

std::vector<StateKind> lmo_kinds(const at::Tensor& parameter, const LmoSettings& settings) {
  const auto [m, n] = matrix_shape(parameter, settings.step.transposed);
  const auto dtype = parameter.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  const bool narrow = settings.step.momentum_dtype == MomentumDtype::bfloat16;
  const int64_t columns = m * n == 0 ? 0 : settings.rule->warm_columns(m, n);  // an empty matrix has no triplets
  std::vector<StateKind> kinds = {{"momentum_buffer", parameter.sizes().vec(), narrow ? at::kBFloat16 : dtype},
                                  {"warm_start", {n, columns}, dtype}};
  if (narrow) kinds.push_back({"momentum_step", {}, at::kFloat});
  if (settings.step.adapt == Adapt::neuron) kinds.push_back({"second_moment", {m, 1}, dtype});
  if (settings.step.adapt == Adapt::element) kinds.push_back({"second_moment", {m, n}, dtype});
  return kinds;
}

at::Tensor initial_warm_start(const at::Tensor& parameter, const LmoSettings& settings) {
  const auto [m, n] = matrix_shape(parameter, settings.step.transposed);
  return norms::initial_warm_start(*settings.rule, m, n, parameter.options());
}

std::vector<StateKind> adamw_kinds(const at::Tensor& parameter) {
  const auto sizes = parameter.sizes().vec();
  const auto dtype = parameter.scalar_type();
  return {{"exp_avg", sizes, dtype}, {"exp_avg_sq", sizes, dtype}, {"step", {}, at::kFloat}};
}

}  // namespace

std::vector<StateKind> state_kinds(const at::Tensor& parameter, const GroupSettings& settings) {
  if (const auto* lmo = std::get_if<LmoSettings>(&settings)) return lmo_kinds(parameter, *lmo);
  return adamw_kinds(parameter);
}

NamedState initial_state(const at::Tensor& parameter, const GroupSettings& settings) {
  const auto p = parameter.detach();
  NamedState state;
  for (const auto& kind : state_kinds(p, settings)) {
    at::Tensor tensor;
    if (kind.name == kWarmStart && kind.sizes[1] > 0)
      tensor = initial_warm_start(p, std::get<LmoSettings>(settings));
    else if (p.sizes() == kind.sizes)
      tensor = at::zeros_like(p, kind.dtype);
    else
      tensor = at::zeros(kind.sizes, p.options().dtype(kind.dtype));
    state.emplace_back(kind.name, tensor);
  }
  return state;
}

}  // namespace fanion::optim
