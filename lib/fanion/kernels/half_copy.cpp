#include "fanion/kernels/half_copy.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "fanion/kernels/large_pages.h"
#include "fanion/kernels/skinny_blocks.h"
#include "fanion/kernels/skinny_product.h"

namespace fanion::kernels {
namespace {

constexpr int64_t kBeyondCaches = int64_t{32} * 1024 * 1024;  // bytes that no cache will keep for the next reader

}  // namespace

HalfCopy half_copy(const at::Tensor& A, double norm) {
  TORCH_INTERNAL_ASSERT(takes_skinny(A) && A.scalar_type() == at::kFloat && norm > 0 && std::isfinite(norm));
  const auto [rows, flipped] = row_major(A);
  const int exponent = 14 - std::ilogb(norm);
  const auto H = empty_in_large_pages({rows.rows, rows.cols}, at::kHalf);
  const auto* x = static_cast<const float*>(rows.data);
  auto* h = reinterpret_cast<uint16_t*>(H.data_ptr<at::Half>());
  const auto& loops = loops_in_use();
  // Row by row where A's rows are apart, else all in pieces of 2^16 elements.
  const bool dense = rows.stride == rows.cols;
  const int64_t piece = dense ? 65536 : rows.cols, step = dense ? piece : rows.stride;
  const int64_t count = H.numel(), pieces = (count + piece - 1) / piece;
  const bool stream = dense && 2 * count > kBeyondCaches;
  std::vector<NarrowSums> sums(pieces);
  at::parallel_for(0, pieces, 1 + 65536 / piece, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      sums[i] = loops.narrow(x + i * step, h + i * piece, std::min(piece, count - i * piece),
                             std::ldexp(1.0F, exponent), stream);
  });
  double error = 0, squares = 0;
  for (const auto& row : sums) error += row.error, squares += row.squares;
  // Sums of float32 squares, each to a few eps.
  return {flipped ? H.t() : H, exponent, std::ldexp(1.0001 * std::sqrt(error), -exponent), squares};
}

}  // namespace fanion::kernels
