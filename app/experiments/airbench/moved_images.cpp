#include "experiments/airbench/moved_images.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/index.h>
#include <ATen/ops/where.h>

namespace fanion::experiments::airbench {
namespace {

/// Where the pixels 0 … extent−1 of images moved by `shifts` (B,) come from, (B, extent).
at::Tensor sources_of_pixels(int64_t extent, const at::Tensor& shifts) {
  const auto from = (at::arange(extent, shifts.options()) - shifts.unsqueeze(1)).abs();
  return at::where(from.ge(extent), 2 * (extent - 1) - from, from);
}

}  // namespace

at::Tensor moved_images(const at::Tensor& images, const at::Tensor& chosen, const at::Tensor& shifts,
                        const at::Tensor& mirrored) {
  const auto height = images.size(2), width = images.size(3);
  const auto rows = sources_of_pixels(height, shifts.select(1, 0));
  const auto columns = sources_of_pixels(width, shifts.select(1, 1));
  const auto turned = at::where(mirrored.unsqueeze(1), columns.flip(1), columns);
  const auto channels = at::arange(images.size(1), chosen.options());
  return at::index(images, {chosen.view({-1, 1, 1, 1}), channels.view({1, -1, 1, 1}), rows.view({-1, 1, height, 1}),
                            turned.view({-1, 1, 1, width})});
}

}  // namespace fanion::experiments::airbench
