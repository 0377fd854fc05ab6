#include "experiments/airbench/whitening.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/linalg_eigh.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/zeros.h>

namespace fanion::experiments::airbench {

at::Tensor whitening_filters(const at::Tensor& images, double eps) {
  constexpr int64_t kSide = 2, kPatch = 3 * kSide * kSide, kAtOnce = 500;  // images, whose patches are in memory
  auto sum = at::zeros({kPatch, kPatch}, at::kDouble);
  int64_t count = 0;
  for (int64_t begin = 0; begin < images.size(0); begin += kAtOnce) {
    const auto some = images.narrow(0, begin, std::min(kAtOnce, images.size(0) - begin));
    const auto windows = some.unfold(2, kSide, 1).unfold(3, kSide, 1);  // (N, 3, h−1, w−1, 2, 2)
    const auto patches = windows.permute({0, 2, 3, 1, 4, 5}).reshape({-1, kPatch}).to(at::kDouble);
    sum += at::matmul(patches.t(), patches).to(sum.device());
    count += patches.size(0);
  }
  const auto [values, vectors] = at::linalg_eigh(sum / static_cast<double>(count));
  const auto rows = vectors.t() / (values + eps).sqrt().unsqueeze(1);
  return at::cat({rows, -rows}).to(images.options()).view({2 * kPatch, 3, kSide, kSide});
}

}  // namespace fanion::experiments::airbench
