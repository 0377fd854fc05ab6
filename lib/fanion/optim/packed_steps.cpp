#include "fanion/optim/packed_steps.h"

#include <algorithm>

namespace fanion::optim {
namespace {

/// Leaves out the axes along which one process has all of a matrix; whether this one is it.
bool has_all_along_axes_of_one(std::optional<distributed::Spread>& spread) {
  if (!spread) return true;
  for (const auto& axis : spread->axes)
    if (axis.splits() && std::ranges::count(axis.sizes, 0) + 1 == std::ssize(axis.sizes) && axis.sizes[axis.rank] == 0)
      return false;
  std::erase_if(spread->axes, [](const distributed::MeshAxis& axis) {
    return axis.splits() && std::ranges::count(axis.sizes, 0) + 1 == std::ssize(axis.sizes);
  });
  if (!spread->is_part()) spread.reset();
  return true;
}

/// Whether every process that shares the parameter has to keep up state of all its matrices: warm starts and counts.
bool has_shared_state(const NamedState& state) {
  return std::ranges::any_of(state, [](const auto& named) {
    return named.first == "momentum_step" || (named.first == "warm_start" && named.second.numel() > 0);
  });
}

}  // namespace

const LmoSettings* PackedSteps::settings_of_one(const LmoSettings* settings) {
  const auto known = std::ranges::find(settings_, settings, &std::pair<const LmoSettings*, LmoSettings>::first);
  if (known != settings_.end()) return &known->second;
  auto own = *settings;
  const LmoStepOptions plain;
  own.step.flatten = plain.flatten, own.step.num_heads = plain.num_heads, own.step.interleaved = plain.interleaved;
  own.step.split_sizes = plain.split_sizes;
  return &settings_.emplace_back(settings, std::move(own)).second;
}

at::Tensor PackedSteps::rows_of(const HeldMatrix& matrix, const at::Tensor& of, int64_t dimension) {
  auto part = matrix.of_rows(of, dimension);
  if (matrix.is_copied()) parts_.push_back({matrix, dimension, of, part});
  return part;
}

void PackedSteps::add(const MatrixStep& whole) {
  const HeldMatrices held(whole.spread ? at::IntArrayRef(whole.spread->sizes) : whole.W.sizes(), whole.settings->step);
  const auto dimension = held.row_dimension() - held.leading();
  const bool is_split = held.rows().size() > 1;
  const auto* settings = settings_of_one(whole.settings);
  const auto shapes = held.shapes();
  auto matrices = matrices_here(held, whole.spread);
  if (!has_shared_state(*whole.state))
    std::erase_if(matrices, [](HeldMatrix& matrix) { return !has_all_along_axes_of_one(matrix.spread); });
  for (std::size_t i = 0; i < matrices.size(); ++i) {
    const auto& matrix = matrices[i];
    const auto [m, n] = shapes[matrix.split()];
    NamedState state;
    for (const auto& [kind, tensor] : *whole.state) {
      if (kind == "momentum_buffer")
        state.emplace_back(kind, rows_of(matrix, tensor, dimension));
      else if (kind == "second_moment" || kind == "cosmos_second_moment")
        state.emplace_back(kind, rows_of(matrix, tensor, 0));
      else if (kind == "warm_start" && tensor.size(-1) > 0)
        state.emplace_back(
            kind, matrix.of_front(tensor, is_split).narrow(-1, 0, m * n == 0 ? 0 : settings->rule->warm_columns(m, n)));
      else
        state.emplace_back(kind, matrix.of_front(tensor, is_split));
    }
    if (matrix.spread) spreads_.push_back(*matrix.spread);
    steps_.push_back({rows_of(matrix, whole.W, dimension), matrix.of_rows(whole.grad, dimension),
                      &states_.emplace_back(std::move(state)), settings,
                      [label = whole.label, i, of = matrices.size()] {
                        return c10::str("matrix ", i + 1, " of ", of, " of ", label());
                      },
                      whole.go, matrix.spread ? &spreads_.back() : nullptr});
  }
}

void PackedSteps::keep() const {
  for (const auto& [matrix, dimension, of, part] : parts_) matrix.put_back(of, dimension, part);
}

}  // namespace fanion::optim
