#include "fanion/kernels/half_copy.h"

#include <ATen/Parallel.h>

#include <cmath>
#include <vector>

#include "fanion/kernels/large_pages.h"
#include "fanion/kernels/skinny_blocks.h"
#include "fanion/kernels/skinny_product.h"

namespace fanion::kernels {

HalfCopy half_copy(const at::Tensor& A, double norm) {
  TORCH_INTERNAL_ASSERT(takes_skinny(A) && A.scalar_type() == at::kFloat && norm > 0 && std::isfinite(norm));
  const auto [rows, flipped] = row_major(A);
  const int exponent = 14 - std::ilogb(norm);
  const auto H = empty_in_large_pages({rows.rows, rows.cols}, at::kHalf);
  const auto* x = static_cast<const float*>(rows.data);
  auto* h = reinterpret_cast<uint16_t*>(H.data_ptr<at::Half>());
  const auto& loops = loops_in_use();
  const int64_t stride = rows.stride, cols = rows.cols;
  std::vector<NarrowSums> sums(rows.rows);
  at::parallel_for(0, rows.rows, 1 + 65536 / cols, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r)
      sums[r] = loops.narrow(x + r * stride, h + r * cols, cols, std::ldexp(1.0F, exponent));
  });
  double error = 0, squares = 0;
  for (const auto& row : sums) error += row.error, squares += row.squares;
  // Sums of float32 squares, each to a few eps.
  return {flipped ? H.t() : H, exponent, std::ldexp(1.0001 * std::sqrt(error), -exponent), squares};
}

}  // namespace fanion::kernels
