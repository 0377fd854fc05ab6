#include "fanion/kernels/normal_block.h"

#include <ATen/CPUGeneratorImpl.h>

#include <mutex>

#include "fanion/kernels/instruction_set.h"
#include "fanion/kernels/skinny_blocks.h"
#include "fanion/kernels/skinny_product.h"

namespace fanion::kernels {

at::Tensor normal_block(int64_t rows, int64_t columns, at::Generator generator) {
  auto* source = at::check_generator<at::CPUGeneratorImpl>(generator);
  uint64_t key = 0;
  {
    const std::scoped_lock lock(source->mutex_);
    key = source->random64() | 1U;
  }
  auto X = empty_block(rows, columns);
  const auto block = block_of(X);
  for (int64_t j = 0; j < columns; ++j)
    loops_in_use().normals(block.data + j * block.stride, rows, key, static_cast<uint64_t>(j * whole_lines(rows)));
  return X;
}

}  // namespace fanion::kernels
