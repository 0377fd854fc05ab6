#pragma once

#include <functional>

#include "fanion/optim/stacks.h"

/// The tensors of a stack as lists, whose operators (`_foreach_…`) are one call for all of them.
namespace fanion::optim {

using TensorVector = std::vector<at::Tensor>;

/// The parameters of a stack.
TensorVector parameters_of(const Stack& stack);
/// Their state of a kind; empty where they have none.
TensorVector states_of(const Stack& stack, std::string_view kind);
/// A number of the options of each.
std::vector<double> numbers_of(const Stack& stack, const std::function<double(const LmoStepOptions&)>& number);

/// Whether all numbers are the same.
bool all_equal(const std::vector<double>& numbers);
std::vector<at::Scalar> scalars_of(const std::vector<double>& numbers);
/// The numbers as (b, 1, …, 1), with as many dimensions as `like` and of its dtype and device, where they are written
/// if they are all the same, and copied to otherwise.
at::Tensor spread_numbers(const std::vector<double>& numbers, const at::Tensor& like);
/// x_i ← x_i + w_i·y_i.
void add_weighted_(const TensorVector& x, const TensorVector& y, const std::vector<double>& weights);

/// Stacked parameters (b, …) as the matrices (b, m, n) that rules work on, and back.
at::Tensor as_matrices(const at::Tensor& stacked, bool transposed);
at::Tensor as_parameters(const at::Tensor& matrices, const Stack& stack);

}  // namespace fanion::optim
