#include "fanion/kernels/sum_of_squares.h"

#include <ATen/Parallel.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/scalar_tensor.h>

#include <cmath>
#include <vector>

#include "fanion/kernels/instruction_set.h"
#include "fanion/power_of_two.h"

namespace fanion::kernels {
namespace {

constexpr int64_t kChunk = 65536;  // elements handed to a thread at a time

/// By the loops of the kernels; X dense in memory.
double in_pieces(const at::Tensor& X, Storage storage) {
  const auto* x = static_cast<const char*>(X.const_data_ptr());
  const auto& loops = loops_in_use();
  const int64_t count = X.numel(), chunks = (count + kChunk - 1) / kChunk;
  std::vector<double> partial(chunks);
  at::parallel_for(0, chunks, 4, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      partial[i] = loops.squares(x + i * kChunk * X.element_size(), std::min(kChunk, count - i * kChunk), storage);
  });
  double total = 0;
  for (const double each : partial) total += each;
  return total;
}

}  // namespace

double sum_of_squares(const at::Tensor& X) {
  const auto storage = storage_of(X);
  if (storage && X.device().is_cpu() && X.is_non_overlapping_and_dense()) {
    const double total = in_pieces(X, *storage);
    // Squares of elements below 1e-15 may have been lost, and ones above 1e19 are infinite.
    if (std::isfinite(total) && total > 1e-24 * static_cast<double>(X.numel())) return total;
  }
  const double norm = at::linalg_vector_norm(X, 2, std::nullopt, false, at::kDouble).item<double>();
  return norm * norm;
}

at::Tensor frobenius_norm(const at::Tensor& X) {
  if (X.scalar_type() == at::kFloat && X.device().is_cpu())
    return at::scalar_tensor(std::sqrt(sum_of_squares(X)), at::kDouble);
  auto norm = at::linalg_vector_norm(X, 2, std::nullopt, false, at::kDouble);
  if (X.scalar_type() != at::kDouble || X.numel() == 0) return norm;
  const auto squares_fit = [](double size) { return size > 0x1p-400 && size < 0x1p+400; };
  if (X.device().is_cpu() && squares_fit(norm.item<double>())) return norm;
  const auto [scaled, exponent] = over_largest(X, std::nullopt);
  const auto length = at::linalg_vector_norm(scaled, 2, std::nullopt, false, at::kDouble);
  return times_powers_of_two(length, exponent.squeeze());
}

}  // namespace fanion::kernels
