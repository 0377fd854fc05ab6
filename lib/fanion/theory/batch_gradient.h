#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <vector>

namespace fanion::theory {

/// The gradients at X on batch number `batch`, one for each matrix of X, of its shape. It depends on X and `batch`
/// alone; different batches are independent draws.
using BatchGradient = std::function<std::vector<at::Tensor>(const std::vector<at::Tensor>& X, int64_t batch)>;

/// The gradients at X on `batch`, in float64; throws where they are not one of the shape of each matrix.
std::vector<at::Tensor> gradient_at(const BatchGradient& gradient, const std::vector<at::Tensor>& X, int64_t batch);

/// Their mean over batches first … first + count − 1; count ≥ 1. Cost: as many gradients; two of them in memory.
std::vector<at::Tensor> mean_gradient(const BatchGradient& gradient, const std::vector<at::Tensor>& X, int64_t first,
                                      int64_t count);

}  // namespace fanion::theory
