#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace fanion::kernels {

/// Whether `all_finite` takes X: float32 on the CPU without gaps.
bool takes_all_finite(const at::Tensor& X);

/// Whether each of these has no NaN and no infinite entry. One read of them all, by all threads.
std::vector<bool> all_finite(const std::vector<at::Tensor>& list);

}  // namespace fanion::kernels
