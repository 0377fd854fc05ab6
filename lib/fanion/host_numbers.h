#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace fanion {

/// The elements of x, of any dtype and device, as numbers on the host.
std::vector<double> to_doubles(const at::Tensor& x);
/// A tensor of them, (n,), of the dtype and on the device of `options`.
at::Tensor to_tensor(const std::vector<double>& values, const at::TensorOptions& options);

}  // namespace fanion
