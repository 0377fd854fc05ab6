#pragma once

#include <ATen/core/Tensor.h>

namespace fanion::norms {

/// min over t of: the distance from `sigma` to {x : 0 ≤ x ≤ a·t, Σx ≤ k·a·t} is at most b·t.
///
/// The gauge at singular values `sigma` (descending, float64, CPU) of a·B + b·F, where B is the unit ball of
/// max(Σσ/k, σ₁) and F that of the Frobenius norm (004 eq. 19 for k = min(m, n), eq. 20 for k = 1).
/// a, b ≥ 0, not both 0. Bisection to 1e-12 relative; cost O(r) per step and inner projection.
double ky_fan_ball_gauge(const at::Tensor& sigma, int64_t k, double a, double b);

}  // namespace fanion::norms
