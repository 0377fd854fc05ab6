#include "fanion/optim/state.h"

#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "fanion/linalg/random_start.h"
#include "fanion/optim/cosmos.h"
#include "fanion/optim/held_matrices.h"

namespace fanion::optim {
namespace {

constexpr std::string_view kWarmStart = "warm_start", kCosmosBasis = kCosmosKinds[0];

/// Of what a rule keeps, where the options do not say otherwise.
at::ScalarType momentum_dtype(const at::Tensor& parameter) {
  return parameter.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
}

/// Columns of the warm start of an m × n matrix.
int64_t warm_columns(const LmoSettings& settings, int64_t m, int64_t n) {
  return m * n == 0 ? 0 : settings.rule->warm_columns(m, n);  // an empty matrix has no triplets
}

std::vector<StateKind> lmo_kinds(const at::Tensor& parameter, const LmoSettings& settings, at::IntArrayRef whole) {
  const HeldMatrices held(whole, settings.step);
  const auto sizes = parameter.sizes().vec();
  const std::vector<int64_t> leading(sizes.begin(), sizes.begin() + held.leading());
  const auto in_front_of = [](std::vector<int64_t> front, std::initializer_list<int64_t> own) {
    front.insert(front.end(), own);
    return front;
  };
  int64_t columns = 0;
  for (const auto& [m, n] : held.shapes()) columns = std::max(columns, warm_columns(settings, m, n));
  const auto rows_here = sizes[held.row_dimension()], n = held.shapes()[0].second;
  int64_t columns_here = 1;
  for (auto d = held.leading(); d < std::ssize(sizes); ++d)
    if (d != held.row_dimension()) columns_here *= sizes[d];
  auto front = leading;
  if (held.rows().size() > 1) front.push_back(std::ssize(held.rows()));

  const auto dtype = momentum_dtype(parameter);
  const bool narrow = settings.step.momentum_dtype == MomentumDtype::bfloat16;
  std::vector<StateKind> kinds = {
      {"momentum_buffer", sizes, narrow ? at::kBFloat16 : dtype},
      {"warm_start", in_front_of(front, {columns == 0 ? n : columns_here, columns}), dtype}};
  if (narrow) kinds.push_back({"momentum_step", front, at::kFloat});
  if (settings.step.adapt == Adapt::neuron)
    kinds.push_back({"second_moment", in_front_of(leading, {rows_here, 1}), dtype});
  if (settings.step.adapt == Adapt::element)
    kinds.push_back({"second_moment", in_front_of(leading, {rows_here, columns_here}), dtype});
  if (const double r = settings.step.cosmos_rank; r > 0 && parameter.numel() > 0) {
    for (const auto& [rows, of_columns] : held.shapes())
      TORCH_CHECK_VALUE(r <= static_cast<double>(std::min(rows, of_columns)), "cosmos_rank = ", r,
                        " must be at most min(m, n) = ", std::min(rows, of_columns), " of a ", rows, " x ", of_columns,
                        " matrix");
    const auto rank = static_cast<int64_t>(r);
    const std::array sizes{in_front_of(front, {n, rank}), in_front_of(front, {rank, rank}),
                           in_front_of(leading, {rows_here, rank}), front, front};
    for (std::size_t i = 0; i < sizes.size(); ++i)
      kinds.push_back({kCosmosKinds[i], sizes[i], i < 3 && !narrow ? dtype : at::kFloat});
  }
  return kinds;
}

/// Of every matrix that the parameter holds; where one has fewer columns than another, zeros fill them up.
at::Tensor initial_warm_start(const at::Tensor& parameter, const LmoSettings& settings, at::IntArrayRef whole,
                              int64_t columns) {
  const HeldMatrices held(whole, settings.step);
  const auto shapes = held.shapes();
  auto sizes = held.front();
  sizes.insert(sizes.end(), {shapes[0].second, columns});
  auto all = at::zeros(sizes, parameter.options().dtype(momentum_dtype(parameter)));
  if (all.numel() == 0) return all;
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    const auto [m, n] = shapes[i];
    const auto own = shapes.size() > 1 ? all.select(held.leading(), static_cast<int64_t>(i)) : all;
    own.narrow(-1, 0, warm_columns(settings, m, n))
        .copy_(norms::initial_warm_start(*settings.rule, m, n, parameter.options()));
  }
  return all;
}

std::vector<StateKind> adamw_kinds(const at::Tensor& parameter) {
  const auto sizes = parameter.sizes().vec();
  const auto dtype = parameter.scalar_type();
  return {{"exp_avg", sizes, dtype}, {"exp_avg_sq", sizes, dtype}, {"step", {}, at::kFloat}};
}

}  // namespace

std::vector<StateKind> state_kinds(const at::Tensor& parameter, const GroupSettings& settings,
                                   at::OptionalIntArrayRef whole) {
  if (const auto* lmo = std::get_if<LmoSettings>(&settings)) {
    TORCH_CHECK_VALUE(lmo->step.cosmos_rank == 0 || !whole, "cosmos_rank = ", lmo->step.cosmos_rank,
                      " is for parameters that are whole on every process, and no DTensors");
    return lmo_kinds(parameter, *lmo, whole.value_or(parameter.sizes()));
  }
  return adamw_kinds(parameter);
}

NamedState initial_state(const at::Tensor& parameter, const GroupSettings& settings, at::OptionalIntArrayRef whole) {
  const auto p = parameter.detach();
  NamedState state;
  for (const auto& kind : state_kinds(p, settings, whole)) {
    at::Tensor tensor;
    if (kind.name == kWarmStart)
      tensor = initial_warm_start(p, std::get<LmoSettings>(settings), whole.value_or(p.sizes()), kind.sizes.back());
    else if (kind.name == kCosmosBasis)
      tensor = linalg::random_block(kind.sizes.end()[-2], kind.sizes.back(), p.options().dtype(kind.dtype), {})
                   .expand(kind.sizes)
                   .clone();
    else if (p.sizes() == kind.sizes)
      tensor = at::zeros_like(p, kind.dtype);
    else
      tensor = at::zeros(kind.sizes, p.options().dtype(kind.dtype));
    state.emplace_back(kind.name, tensor);
  }
  return state;
}

}  // namespace fanion::optim
