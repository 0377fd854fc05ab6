#pragma once

#include <ATen/core/Tensor.h>

namespace fanion::experiments::airbench {

/// Images `chosen` (B,) of (N, c, h, w), each moved by its row of `shifts` (B, 2), pixels down and right, and where
/// `mirrored` (B,) exchanged left for right after that. What comes in over an edge is the image reflected there.
///
/// The result (B, c, h, w) has the images' dtype; all on one device. Shifts are smaller than h and w. Cost: one read
/// and write of the result.
at::Tensor moved_images(const at::Tensor& images, const at::Tensor& chosen, const at::Tensor& shifts,
                        const at::Tensor& mirrored);

}  // namespace fanion::experiments::airbench
