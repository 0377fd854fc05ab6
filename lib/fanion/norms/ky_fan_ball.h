#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace fanion::norms {

/// min over t of: the distance from `s` to {x : 0 ≤ x ≤ a·t, Σx ≤ k·a·t} is at most b·t.
///
/// The gauge at magnitudes `s` of a·B + b·F, where B is the unit ball of max(Σx/k, max x) and F that of the
/// Euclidean norm: at singular values KyFan eq. 19 for k = min(m, n), eq. 20 for k = 1.
/// s: (r,) ≥ 0, descending, float64 or float32, any device; 1 ≤ k ≤ r; a, b ≥ 0, not both 0.
/// a = 0 gives ‖s‖/b, b = 0 gives max(Σs/k, s₁)/a. Relative error about r·eps of float64; computed on the CPU.
/// Cost: O(r). Source: sorted segments of the threshold a·t, on each of which the condition is a quadratic.
double ky_fan_ball_gauge(const at::Tensor& s, int64_t k, double a, double b);

/// radius · the unit ball of max(Σx/k, max x).
struct KyFanBall {
  int64_t k;
  double radius;
};

/// max_j (s_1 + … + s_j)/(w_1 + … + w_j) with w_i the sum of the radii of the balls with k ≥ i: the gauge at `s` of
/// the Minkowski sum of the balls. The same s; radii > 0. Exact to rounding. Cost: O(r).
/// Source: the dual of the ordered weighted ℓ₁ norm (Zeng & Figueiredo 2014).
double ky_fan_balls_gauge(const at::Tensor& s, const std::vector<KyFanBall>& balls);

}  // namespace fanion::norms
