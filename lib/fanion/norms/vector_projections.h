#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

/// Nearest points of the sets that unit balls of norms come down to: sorted segments, exact to rounding.
/// In every formula s is taken relative to an entry of its own segment, so that entries of 1e30 leave sums of 1 exact.
namespace fanion::norms {

/// argmin ‖x − s‖ over {x ≥ 0, Σx ≤ 1}: [s − θ]_+.
///
/// s ≥ 0, (r,) float64, any order and device. Cost: one sort. Source: Held, Wolfe & Crowder 1974; Duchi et al. 2008.
at::Tensor onto_simplex(const at::Tensor& s);

/// argmin ‖x − s‖ over {0 ≤ x ≤ 1, Σx ≤ k}: clip(s − θ, 0, 1). The ball of max(Σx/k, max x).
///
/// s ≥ 0, descending, (r,) float64, any device; 1 ≤ k ≤ r. Computed on the CPU. Cost: O(r).
/// Source: breakpoints of the piecewise linear Σ clip(s − θ, 0, 1), walked downwards from θ = s₁.
at::Tensor onto_capped_simplex(const at::Tensor& s, int64_t k);
std::vector<double> onto_capped_simplex(std::vector<double> s, int64_t k);

/// argmin ‖x − s‖ over {x ≥ 0, the sum of the k largest ≤ 1}: s − clip(s − λ, 0, μ). The ball of the Ky Fan k-norm.
///
/// s ≥ 0, descending, (r,) float64, any device; 1 ≤ k ≤ r. Computed on the CPU. Throws where s₁ > 1.8e308/(kr).
/// Cost: O(kr), small beside an SVD.
/// Source: the optimality conditions are linear in (λ, μ) for every pair (number of x = s − μ, number of x ≥ λ); Wu,
/// Ding, Sun & Toh 2014, "On the Moreau–Yosida regularization of the vector k-norm related functions".
at::Tensor onto_ky_fan_ball(const at::Tensor& s, int64_t k);

}  // namespace fanion::norms
