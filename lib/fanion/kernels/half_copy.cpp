#include "fanion/kernels/half_copy.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "fanion/kernels/large_pages.h"
#include "fanion/kernels/skinny_blocks.h"
#include "fanion/kernels/skinny_product.h"
#include "fanion/kernels/sum_of_squares.h"

namespace fanion::kernels {
namespace {

constexpr int64_t kBeyondCaches = int64_t{32} * 1024 * 1024;  // bytes that no cache will keep for the next reader

/// The norm by every so manieth row: what the exponent is guessed from.
double sampled_norm(const Rows& A) {
  constexpr int64_t kRows = 32;
  const int64_t step = std::max<int64_t>(A.rows / kRows, 1);
  double squares = 0;
  int64_t rows = 0;
  for (int64_t r = 0; r < A.rows; r += step, ++rows)
    squares += loops_in_use().squares(rows_from(A, r, 1).data, A.cols, A.storage);
  return std::sqrt(squares * static_cast<double>(A.rows) / static_cast<double>(rows));
}

/// The copy with this exponent; `full_squares` is infinite or NaN where an entry leaves the range.
HalfCopy copy_with(const Rows& A, bool flipped, int exponent) {
  const auto H = empty_in_large_pages({A.rows, A.cols}, at::kHalf);
  const auto* x = static_cast<const float*>(A.data);
  auto* h = reinterpret_cast<uint16_t*>(H.data_ptr<at::Half>());
  const auto& loops = loops_in_use();
  // Row by row where A's rows are apart, else all in pieces of 2^16 elements.
  const bool dense = A.stride == A.cols;
  const int64_t piece = dense ? 65536 : A.cols, step = dense ? piece : A.stride;
  const int64_t count = H.numel(), pieces = (count + piece - 1) / piece;
  const bool stream = dense && 2 * count > kBeyondCaches;
  std::vector<NarrowSums> sums(pieces);
  at::parallel_for(0, pieces, 1 + 65536 / piece, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      sums[i] = loops.narrow(x + i * step, h + i * piece, std::min(piece, count - i * piece),
                             std::ldexp(1.0F, exponent), stream);
  });
  double error = 0, squares = 0, full = 0;
  for (const auto& each : sums) error += each.error, squares += each.squares, full += each.full_squares;
  // Sums of float32 squares, each to a few eps.
  return {flipped ? H.t() : H, exponent, std::ldexp(1.0001 * std::sqrt(error), -exponent), squares,
          std::ldexp(full, -2 * exponent)};
}

}  // namespace

std::optional<HalfCopy> half_copy(const at::Tensor& A) {
  TORCH_INTERNAL_ASSERT(takes_skinny(A) && A.scalar_type() == at::kFloat);
  const auto [rows, flipped] = row_major(A);
  const auto in_range = [](double norm) { return norm > 1e-30 && norm < 1e30; };
  const double guess = sampled_norm(rows);
  if (in_range(guess)) {
    auto half = copy_with(rows, flipped, 13 - std::ilogb(guess));
    const double scaled = std::ldexp(std::sqrt(half.full_squares), half.exponent);
    if (scaled >= 0x1p11 && scaled < 0x1p15) return half;
  }
  const double norm = std::sqrt(sum_of_squares(A));
  if (!in_range(norm)) return std::nullopt;
  return copy_with(rows, flipped, 14 - std::ilogb(norm));
}

}  // namespace fanion::kernels
