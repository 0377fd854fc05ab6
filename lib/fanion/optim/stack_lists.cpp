#include "fanion/optim/stack_lists.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/full.h>

#include <algorithm>

#include "fanion/host_numbers.h"

namespace fanion::optim {

TensorVector parameters_of(const Stack& stack) {
  TensorVector W;
  for (const auto* step : stack) W.push_back(step->W);
  return W;
}

TensorVector states_of(const Stack& stack, std::string_view kind) {
  TensorVector states;
  for (const auto* step : stack)
    if (auto state = state_of(*step, kind); state.defined()) states.push_back(std::move(state));
  return states;
}

std::vector<double> numbers_of(const Stack& stack, const std::function<double(const LmoStepOptions&)>& number) {
  std::vector<double> numbers;
  for (const auto* step : stack) numbers.push_back(number(step->settings->step));
  return numbers;
}

bool all_equal(const std::vector<double>& numbers) {
  return std::ranges::all_of(numbers, [&](double x) { return x == numbers.front(); });
}

std::vector<at::Scalar> scalars_of(const std::vector<double>& numbers) { return {numbers.begin(), numbers.end()}; }

at::Tensor spread_numbers(const std::vector<double>& numbers, const at::Tensor& like) {
  std::vector<int64_t> shape(like.dim(), 1);
  shape[0] = std::ssize(numbers);
  if (all_equal(numbers)) return at::full(shape, numbers.front(), like.options());
  return to_tensor(numbers, like.options()).view(shape);
}

void add_weighted_(const TensorVector& x, const TensorVector& y, const std::vector<double>& weights) {
  if (all_equal(weights))
    at::_foreach_add_(x, y, weights.front());
  else
    at::_foreach_add_(x, at::_foreach_mul(y, scalars_of(weights)));
}

at::Tensor as_matrices(const at::Tensor& stacked, bool transposed) {
  const auto X = stacked.dim() == 3 ? stacked : stacked.flatten(2);
  return transposed ? X.mT() : X;
}

at::Tensor as_parameters(const at::Tensor& matrices, const Stack& stack) {
  if (stack[0]->settings->step.transposed) return matrices.mT();
  const auto& W = stack[0]->W;
  if (W.dim() == 2) return matrices;
  auto shape = W.sizes().vec();
  shape.insert(shape.begin(), std::ssize(stack));
  return matrices.reshape(shape);
}

}  // namespace fanion::optim
