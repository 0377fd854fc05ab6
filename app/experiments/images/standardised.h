#pragma once

#include <ATen/core/Tensor.h>

namespace fanion::experiments::images {

/// Pixels (…, 3, h, w), uint8, as float32 of mean 0 and variance 1 over CIFAR-10's training images, by channel. On the
/// pixels' device.
at::Tensor standardised(const at::Tensor& pixels);

}  // namespace fanion::experiments::images
