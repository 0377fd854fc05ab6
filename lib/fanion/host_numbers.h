#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace fanion {

/// The elements of x, of any dtype and device, as numbers on the host.
std::vector<double> to_doubles(const at::Tensor& x);

}  // namespace fanion
