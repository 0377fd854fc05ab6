#include "fanion/kernels/narrow_copy.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "fanion/kernels/large_pages.h"
#include "fanion/kernels/loops/skinny_blocks.h"
#include "fanion/kernels/skinny_product.h"
#include "fanion/kernels/sum_of_squares.h"

namespace fanion::kernels {
namespace {

constexpr int64_t kBeyondCaches = int64_t{32} * 1024 * 1024;  // bytes that no cache will keep for the next reader
constexpr double kMostLost = 0.05;                            // of the norm, in int8

bool in_range(double norm) { return norm > 1e-30 && norm < 1e30; }

/// Every so manieth row: what a scale is guessed from.
at::Tensor sampled_rows(const at::Tensor& A) {
  constexpr int64_t kRows = 32;
  const auto rows = A.stride(1) == 1 ? A : A.t();
  return rows.slice(0, 0, std::nullopt, std::max<int64_t>(rows.size(0) / kRows, 1));
}

/// The copy with this scale; `full_squares` is infinite or NaN where an entry leaves the range.
NarrowCopy copy_with(const at::Tensor& original, at::ScalarType dtype, float scale) {
  const auto [A, flipped] = row_major(original);
  const auto narrow = empty_in_large_pages({A.rows, A.cols}, dtype);
  const auto* x = static_cast<const float*>(A.data);
  auto* y = static_cast<char*>(narrow.data_ptr());
  const auto storage = storage_of(narrow).value();
  const int64_t bytes = narrow.element_size();
  const auto& loops = loops_in_use();
  // Row by row where A's rows are apart, else all in pieces of 2^16 elements.
  const bool dense = A.stride == A.cols;
  const int64_t piece = dense ? 65536 : A.cols, step = dense ? piece : A.stride;
  const int64_t count = narrow.numel(), pieces = (count + piece - 1) / piece;
  const bool stream = dense && bytes * count > kBeyondCaches;
  std::vector<NarrowSums> sums(pieces);
  at::parallel_for(0, pieces, 1 + 65536 / piece, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      sums[i] =
          loops.narrow(x + i * step, y + i * piece * bytes, storage, std::min(piece, count - i * piece), scale, stream);
  });
  double error = 0, squares = 0, full = 0;
  for (const auto& each : sums) error += each.error, squares += each.squares, full += each.full_squares;
  // Sums of float32 squares, each to a few eps.
  return {flipped ? narrow.t() : narrow, scale, 1.0001 * std::sqrt(error) / scale, squares, full / scale / scale};
}

}  // namespace

std::optional<NarrowCopy> half_copy(const at::Tensor& A, at::ScalarType dtype) {
  TORCH_INTERNAL_ASSERT(takes_skinny(A) && A.scalar_type() == at::kFloat);
  TORCH_INTERNAL_ASSERT(dtype == at::kHalf || dtype == at::kBFloat16);
  const auto sample = sampled_rows(A);
  const double share = static_cast<double>(sample.numel()) / static_cast<double>(A.numel());
  const double guess = std::sqrt(sum_of_squares(sample) / share);
  if (in_range(guess)) {
    auto half = copy_with(A, dtype, std::ldexp(1.0F, 13 - std::ilogb(guess)));
    const double scaled = half.scale * std::sqrt(half.full_squares);
    if (scaled >= 0x1p11 && scaled < 0x1p15) return half;
  }
  const double norm = std::sqrt(sum_of_squares(A));
  if (!in_range(norm)) return std::nullopt;
  return copy_with(A, dtype, std::ldexp(1.0F, 14 - std::ilogb(norm)));
}

std::optional<NarrowCopy> byte_copy(const at::Tensor& A) {
  TORCH_INTERNAL_ASSERT(takes_skinny(A) && A.scalar_type() == at::kFloat);
  const auto of_largest = [&](const at::Tensor& part) -> std::optional<NarrowCopy> {
    const double largest = part.abs().max().item<double>();
    if (!in_range(largest)) return std::nullopt;
    auto copy = copy_with(A, at::kChar, static_cast<float>(127 / largest));
    const double norm = std::sqrt(copy.full_squares);
    copy.error += 0x1p-24 * norm;  // of the products with the scale
    if (in_range(norm) && copy.error <= kMostLost * norm) return copy;
    return std::nullopt;
  };
  constexpr int64_t kMany = 262144;  // entries, a 32nd of which have a largest one that few others exceed
  auto copy = A.numel() > kMany ? of_largest(sampled_rows(A)) : std::nullopt;
  return copy ? copy : of_largest(A);
}

}  // namespace fanion::kernels
