#include "fanion/linalg/svd/power_growth.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/linalg_svdvals.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/matmul.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "fanion/host_numbers.h"
#include "fanion/linalg/svd/eigenvalue_bounds.h"

namespace fanion::linalg {

PowerGrowth::PowerGrowth(const at::Tensor& triangle, int64_t random)
    : G_(triangle.narrow(1, triangle.size(1) - random, random)), random_(random) {}

void PowerGrowth::pass(const at::Tensor& R1, const at::Tensor& R2) {
  G_ = at::matmul(R2, at::matmul(R1, G_));
  const double norm = at::linalg_vector_norm(G_).item<double>();
  ++passes_;
  if (norm == 0) return;
  G_ = G_ / norm;
  log_scale_ += std::log(norm);
}

std::vector<double> PowerGrowth::upper(int64_t count) const {
  const auto values = to_doubles(at::linalg_svdvals(G_));
  std::vector<double> bounds(count, std::numeric_limits<double>::infinity());
  for (int64_t i = 0; i < std::min(count, random_); ++i) {
    const double log_value = std::log(std::max(values[i], 1e-300)) + log_scale_;
    bounds[i] = std::exp((log_value - std::log(least_component(random_, i + 1))) / static_cast<double>(passes_));
  }
  for (int64_t i = 1; i < count; ++i) bounds[i] = std::min(bounds[i], bounds[i - 1]);
  return bounds;
}

}  // namespace fanion::linalg
