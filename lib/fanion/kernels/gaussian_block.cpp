#include "fanion/kernels/gaussian_block.h"

#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <array>
#include <mutex>

#include "fanion/kernels/instruction_set.h"
#include "fanion/kernels/loops/skinny_blocks.h"
#include "fanion/kernels/skinny_product.h"

namespace fanion::kernels {

namespace {

uint64_t key_from(at::Generator& generator) {
  auto* source = at::check_generator<at::CPUGeneratorImpl>(generator);
  const std::scoped_lock lock(source->mutex_);
  return source->random64() | 1U;
}

}  // namespace

at::Tensor gaussian_block(int64_t rows, int64_t columns, at::Generator generator) {
  const uint64_t key = key_from(generator);
  auto X = empty_block(rows, columns);
  const auto block = block_of(X);
  for (int64_t j = 0; j < columns; ++j)
    loops_in_use().gaussians(block.data + j * block.stride, rows, key, static_cast<uint64_t>(j * whole_lines(rows)));
  return X;
}

void add_gaussian(const at::Tensor& X, float scale, at::Generator generator) {
  constexpr int64_t kPart = 256;
  const uint64_t key = key_from(generator);
  const int64_t rows = X.size(0);
  const auto block = block_of(X);
  std::array<float, kPart> part;
  for (int64_t j = 0; j < block.columns; ++j)
    for (int64_t r = 0; r < rows; r += kPart) {
      const int64_t count = std::min(kPart, rows - r);
      loops_in_use().gaussians(part.data(), count, key, static_cast<uint64_t>(j * whole_lines(rows) + r));
      loops_in_use().blend(block.data + j * block.stride + r, part.data(), count, 1, scale);
    }
}

}  // namespace fanion::kernels
