#include "fanion/kernels/sum_of_squares.h"

#include <ATen/Parallel.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/scalar_tensor.h>

#include <cmath>
#include <vector>

namespace fanion::kernels {
namespace {

constexpr int64_t kChunk = 65536;  // elements handed to a thread at a time
constexpr int kLanes = 64;         // independent sums, so that the compiler can use whole vectors
constexpr int kRounds = 32;        // additions to each float32 sum before it moves to double

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
__attribute__((target_clones("avx512f", "avx2", "default")))
#endif
double squares(const float* x, int64_t count) {
  double total = 0;
  int64_t i = 0;
  while (i + kLanes <= count) {
    float lanes[kLanes] = {};
    for (int round = 0; round < kRounds && i + kLanes <= count; ++round, i += kLanes)
      for (int lane = 0; lane < kLanes; ++lane) lanes[lane] += x[i + lane] * x[i + lane];
    double sum = 0;
    for (const float lane : lanes) sum += lane;
    total += sum;
  }
  for (; i < count; ++i) total += static_cast<double>(x[i]) * x[i];
  return total;
}

double in_float(const at::Tensor& X) {
  const auto* x = X.const_data_ptr<float>();
  const int64_t count = X.numel(), chunks = (count + kChunk - 1) / kChunk;
  std::vector<double> partial(chunks);
  at::parallel_for(0, chunks, 4, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) partial[i] = squares(x + i * kChunk, std::min(kChunk, count - i * kChunk));
  });
  double total = 0;
  for (const double each : partial) total += each;
  return total;
}

}  // namespace

double sum_of_squares(const at::Tensor& X) {
  if (X.scalar_type() == at::kFloat && X.device().is_cpu() && X.is_non_overlapping_and_dense()) {
    const double total = in_float(X);
    // Squares of elements below 1e-15 may have been lost, and ones above 1e19 are infinite.
    if (std::isfinite(total) && total > 1e-24 * static_cast<double>(X.numel())) return total;
  }
  const double norm = at::linalg_vector_norm(X, 2, std::nullopt, false, at::kDouble).item<double>();
  return norm * norm;
}

at::Tensor frobenius_norm(const at::Tensor& X) {
  if (X.scalar_type() == at::kFloat && X.device().is_cpu())
    return at::scalar_tensor(std::sqrt(sum_of_squares(X)), at::kDouble);
  return at::linalg_vector_norm(X, 2, std::nullopt, false, at::kDouble);
}

}  // namespace fanion::kernels
