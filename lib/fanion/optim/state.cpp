#include "fanion/optim/state.h"

#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <string_view>

#include "fanion/optim/matrix_view.h"

namespace fanion::optim {
namespace {

constexpr std::string_view kWarmStart = "warm_start";

/// Of what a rule keeps, where the options do not say otherwise.
at::ScalarType momentum_dtype(const at::Tensor& parameter) {
  return parameter.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
}

std::vector<StateKind> lmo_kinds(const at::Tensor& parameter, const LmoSettings& settings, at::IntArrayRef whole) {
  const auto [rows, columns_here] = matrix_shape(parameter, settings.step.transposed);
  const auto [m, n] = matrix_shape(whole, settings.step.transposed);
  const auto dtype = momentum_dtype(parameter);
  const bool narrow = settings.step.momentum_dtype == MomentumDtype::bfloat16;
  const int64_t columns = m * n == 0 ? 0 : settings.rule->warm_columns(m, n);  // an empty matrix has no triplets
  std::vector<StateKind> kinds = {{"momentum_buffer", parameter.sizes().vec(), narrow ? at::kBFloat16 : dtype},
                                  {"warm_start", {columns == 0 ? n : columns_here, columns}, dtype}};
  if (narrow) kinds.push_back({"momentum_step", {}, at::kFloat});
  if (settings.step.adapt == Adapt::neuron) kinds.push_back({"second_moment", {rows, 1}, dtype});
  if (settings.step.adapt == Adapt::element) kinds.push_back({"second_moment", {rows, columns_here}, dtype});
  return kinds;
}

at::Tensor initial_warm_start(const at::Tensor& parameter, const LmoSettings& settings, at::IntArrayRef whole,
                              int64_t columns) {
  const auto [m, n] = matrix_shape(whole, settings.step.transposed);
  if (columns == 0) return at::zeros({n, 0}, parameter.options().dtype(momentum_dtype(parameter)));
  return norms::initial_warm_start(*settings.rule, m, n, parameter.options());
}

std::vector<StateKind> adamw_kinds(const at::Tensor& parameter) {
  const auto sizes = parameter.sizes().vec();
  const auto dtype = parameter.scalar_type();
  return {{"exp_avg", sizes, dtype}, {"exp_avg_sq", sizes, dtype}, {"step", {}, at::kFloat}};
}

}  // namespace

std::vector<StateKind> state_kinds(const at::Tensor& parameter, const GroupSettings& settings,
                                   at::OptionalIntArrayRef whole) {
  if (const auto* lmo = std::get_if<LmoSettings>(&settings))
    return lmo_kinds(parameter, *lmo, whole.value_or(parameter.sizes()));
  return adamw_kinds(parameter);
}

NamedState initial_state(const at::Tensor& parameter, const GroupSettings& settings, at::OptionalIntArrayRef whole) {
  const auto p = parameter.detach();
  NamedState state;
  for (const auto& kind : state_kinds(p, settings, whole)) {
    at::Tensor tensor;
    if (kind.name == kWarmStart)
      tensor = initial_warm_start(p, std::get<LmoSettings>(settings), whole.value_or(p.sizes()), kind.sizes[1]);
    else if (p.sizes() == kind.sizes)
      tensor = at::zeros_like(p, kind.dtype);
    else
      tensor = at::zeros(kind.sizes, p.options().dtype(kind.dtype));
    state.emplace_back(kind.name, tensor);
  }
  return state;
}

}  // namespace fanion::optim
