#pragma once

#include <vector>

#include "fanion/norms/sum_gauge.h"

namespace fanion::norms {

/// The norm whose dual is Σ w_i ‖M‖_i† and whose unit ball is the Minkowski sum of the balls w_i B_i.
///
/// lmo Σ w_i lmo_i(M); ρ = Σ w_i ρ_i; value: the gauge of the sum. F-Muon, F-Neon, F-Fanion-k are
/// α·(spectral, nuclear, ky_fan_dual(k)) + (1−α)·frobenius (KyFan Lemmas 4, 5, 7), S-Muon and S-Fanion-k have max_entry
/// in its place.
/// The value is exact to rounding for one part, and for one with frobenius (KyFan eq. 19, 20) where the one is
/// a `KyFanForm`: at the cost of its magnitudes, and O(r) more; likewise for sums of such forms of the same magnitudes
/// without frobenius. For other sums, S- families among them, it is the upper end of `sum_gauge`, within 1e-6 of the
/// lower, in float64; it throws a RuntimeError where that does not converge, a ValueError where a part has no
/// projection. The projection is known for one part that has one, alone or with frobenius. Weights must be finite and ≥
/// 0, one of them positive: otherwise the set is no norm ball, and `weighted_sum` is the rule to use.
NormPtr dual_sum(const std::vector<WeightedNorm>& parts);

/// The value of `dual_sum(parts)` at X between two bounds, which are equal, without Y and Z, where an exact
/// form is known. Never throws for want of convergence: the result says so.
Gauge dual_sum_gauge(const std::vector<WeightedNorm>& parts, const at::Tensor& X, const GaugeOptions& options = {});

}  // namespace fanion::norms
