#pragma once

#include <ATen/core/Tensor.h>

#include <string_view>

namespace fanion::linalg {

/// Throws where `X` has a NaN or infinite entry: "`what` has 3 NaN or infinite entries out of 48".
/// X: strided, any real dtype and device. Cost: one read of X and, on an accelerator, one wait for the device.
void check_finite(const at::Tensor& X, std::string_view what);

}  // namespace fanion::linalg
