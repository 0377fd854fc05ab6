#include "fanion/kernels/loops/skinny_blocks.h"

#include <cstdlib>
#include <memory>

#include "fanion/kernels/caches.h"
#include "fanion/kernels/skinny_product.h"

namespace fanion::kernels {

RowMajor row_major(const at::Tensor& A) {
  const bool flipped = A.stride(1) != 1;
  return {{A.const_data_ptr(), A.size(flipped ? 1 : 0), A.size(flipped ? 0 : 1), A.stride(flipped ? 1 : 0),
           storage_of(A).value()},
          flipped};
}

bool is_block(const at::Tensor& X) {
  return (X.size(0) == 1 || X.stride(0) == 1) && (X.size(1) == 1 || X.stride(1) >= X.size(0));
}

Block block_of(const at::Tensor& X) {
  // A single column may have any stride; what matters is that a block's columns do not overlap.
  return {X.data_ptr<float>(), X.size(1), std::max(X.stride(1), X.size(0))};
}

at::Tensor in_block_layout(const at::Tensor& X) { return is_block(X) ? X : copied_block(X); }

int gram_block_rows(const Rows& A, int64_t columns, int64_t times) {
  const int64_t row_bytes = A.cols * element_bytes(A);
  const int64_t rows = (second_level_cache() * 4 / 5 - 2 * A.cols * columns * 4) / (times * row_bytes);
  for (const int whole : {24, 12, 8, 6, 4})  // divisors of a chunk that leave few odd rows to the tiles
    if (whole <= rows) return whole;
  return 0;
}

float* thread_scratch(int64_t floats) {
  struct Free {
    void operator()(float* data) const { std::free(data); }
  };
  thread_local std::unique_ptr<float, Free> kept;
  thread_local int64_t size = 0;
  if (floats > size) {
    constexpr std::size_t kLine = 64;
    const auto bytes = (static_cast<std::size_t>(floats) * sizeof(float) + kLine - 1) / kLine * kLine;
    size = 0;
    kept.reset(static_cast<float*>(std::aligned_alloc(kLine, bytes)));
    TORCH_CHECK_WITH(OutOfMemoryError, kept != nullptr, "no memory for ", bytes, " bytes");
    size = floats;
  }
  return kept.get();
}

Chunks chunks_of(int64_t all, int64_t columns, int64_t unit) {
  const auto pieces = [&](int64_t size) { return (all + size - 1) / size; };
  const int64_t wanted = std::max(all / 16, std::min(80 * columns, all / 4));
  int64_t count = (pieces(std::max(wanted, 3 * unit)) + 3) / 4 * 4;
  if (pieces(count) <= 2 * unit) count = all < 6 * unit ? 1 : all / (6 * unit) * 2;
  return {all, (pieces(count) + unit - 1) / unit * unit};
}

}  // namespace fanion::kernels
