#include "fanion/norms/vector_projections.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/count_nonzero.h>
#include <ATen/ops/cumsum.h>
#include <ATen/ops/sort.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "fanion/host_numbers.h"

namespace fanion::norms {
namespace {

at::Tensor on_device_of(const at::Tensor& s, const std::vector<double>& x) {
  return at::tensor(x, at::kDouble).to(s.device());
}

/// sums[i] = x_0 + … + x_{i−1}.
std::vector<double> running_sums(const std::vector<double>& x) {
  std::vector<double> sums(x.size() + 1, 0);
  std::partial_sum(x.begin(), x.end(), sums.begin() + 1);
  return sums;
}

/// A segment of clip(s − θ, 0, 1): entries before `first` are 1, those from `last` on are 0.
struct Segment {
  std::size_t first, last;
};

/// The segment where Σ clip(s − θ, 0, 1) reaches k, walking θ down from s₁ over the points s_i (an entry leaves 0)
/// and s_i − 1 (it reaches 1).
Segment segment_of_sum(const std::vector<double>& s, double k) {
  Segment at{0, 1};
  std::size_t base = 0;
  double drop = 0, sum = 0;  // θ = s[base] − drop, and the sum there
  for (;;) {
    constexpr double kNever = std::numeric_limits<double>::infinity();
    const double to_leave = at.last < s.size() ? (s[base] - s[at.last]) - drop : kNever;
    const double to_reach = at.first < at.last ? (s[base] - s[at.first]) + (1 - drop) : kNever;
    const double way = std::min(to_leave, to_reach);
    const double gain = at.first < at.last ? static_cast<double>(at.last - at.first) * way : 0;
    if (sum + gain >= k || way == kNever) return at;
    sum += gain;
    drop = to_leave <= to_reach ? 0 : 1;
    base = to_leave <= to_reach ? at.last++ : at.first++;
  }
}

}  // namespace

at::Tensor onto_simplex(const at::Tensor& s) {
  if (s.sum().item<double>() <= 1) return s;
  const auto below = s.amax() - s;  // x = [τ − below]_+
  const auto sorted = std::get<0>(at::sort(below));
  const auto count = at::arange(1, s.numel() + 1, s.options());
  const auto positive = sorted * count - at::cumsum(sorted, 0) < 1;
  const auto used = positive.sum().item<int64_t>();
  const auto tau = (sorted.narrow(0, 0, used).sum() + 1) / static_cast<double>(used);
  return (tau - below).clamp_min(0);
}

at::Tensor onto_capped_simplex(const at::Tensor& s, int64_t k) {
  return on_device_of(s, onto_capped_simplex(to_doubles(s), k));
}

std::vector<double> onto_capped_simplex(std::vector<double> s, int64_t k) {
  const auto budget = static_cast<double>(k);
  auto x = s;
  double sum = 0;
  for (auto& each : x) sum += each = std::min(each, 1.0);
  if (sum <= budget) return x;
  const auto [first, last] = segment_of_sum(s, budget);
  std::fill(x.begin(), x.begin() + first, 1.0);
  std::fill(x.begin() + last, x.end(), 0.0);
  double rest = budget - static_cast<double>(first);
  for (std::size_t i = first; i < last; ++i) rest += s[first] - s[i];
  for (std::size_t i = first; i < last; ++i)
    x[i] = std::clamp(rest / static_cast<double>(last - first) - (s[first] - s[i]), 0.0, 1.0);
  return x;
}

at::Tensor onto_ky_fan_ball(const at::Tensor& s, int64_t k) {
  if (s.narrow(0, 0, k).sum().item<double>() <= 1) return s;
  // x_i = top − (s₁ − s_i) for i < a, λ for a ≤ i < b, s_i beyond, with top = s₁ − μ, a ≤ k ≤ b, and
  // Σ_{i<b} clip(s_i − λ, 0, μ) = kμ, that is (b − a)λ − (k − a)·top = excess(a, b).
  auto x = to_doubles(s);
  TORCH_CHECK_VALUE(std::isfinite(x[0] * static_cast<double>(k * s.numel())), "singular values of ", x[0],
                    " are too large to project: their sums leave float64");
  auto below = x;
  for (auto& value : below) value = x[0] - value;
  const auto keep = static_cast<std::size_t>(k), size = x.size();
  const auto sums_below = running_sums(below);
  const auto to_k = running_sums({below.rend() - k, below.rend()}), from_k = running_sums({x.begin() + k, x.end()});
  const auto excess = [&](std::size_t a, std::size_t b) { return from_k[b - keep] - to_k[keep - a]; };

  // λ = 0, where the sum may stay below kμ.
  auto simplex = onto_simplex(s);
  const auto positive = simplex.count_nonzero().item<int64_t>();
  if (positive <= k && static_cast<double>(k - positive) * simplex[0].item<double>() + excess(positive, size) <= 0)
    return simplex;

  // Else Σ_{i<k} x_i = a·top − Σ_{i<a} below_i + (k − a)λ = 1 gives λ and top for every (a, b), and the pair that keeps
  // x in order is the answer.
  struct {
    double violation = std::numeric_limits<double>::infinity(), top = 0, lambda = 0;
    std::size_t a = 0, b = 0;
  } best;
  for (std::size_t a = 0; a < keep; ++a)
    for (std::size_t b = keep; b <= size && best.violation > 0; ++b) {
      const auto shifted = static_cast<double>(a), flat = static_cast<double>(b - a);
      const auto rest = static_cast<double>(keep - a);
      const double lambda = (shifted * excess(a, b) + rest * (1 + sums_below[a])) / (shifted * flat + rest * rest);
      const double top = (flat * lambda - excess(a, b)) / rest;
      const double violation = std::max({0.0, a > 0 ? lambda - (top - below[a - 1]) : 0.0, (top - below[a]) - lambda,
                                         lambda - x[b - 1], b < size ? x[b] - lambda : 0.0});
      if (violation < best.violation) best = {violation, top, lambda, a, b};
    }
  for (std::size_t i = 0; i < best.b; ++i) x[i] = i < best.a ? best.top - below[i] : best.lambda;
  return on_device_of(s, x);
}

}  // namespace fanion::norms
