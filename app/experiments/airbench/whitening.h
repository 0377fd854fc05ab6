#pragma once

#include <ATen/core/Tensor.h>

namespace fanion::experiments::airbench {

/// Filters (24, 3, 2, 2) whose first twelve answers on 2 × 2 patches of `images` are uncorrelated and of mean square
/// λ/(λ + eps): the eigenvectors of the patches' second moments over √(λ + eps), λ their eigenvalues. The other twelve
/// are their negatives.
///
/// `images` (N, 3, h, w), float32. Cost: 288 flops a patch, and an eigendecomposition of 12 × 12 on the host.
/// Source: Jordan, cifar10-airbench; Page 2019, "How to train your ResNet 8".
at::Tensor whitening_filters(const at::Tensor& images, double eps);

}  // namespace fanion::experiments::airbench
