#pragma once

#include <vector>

#include "fanion/norms/matrix_norm.h"

namespace fanion::norms {

struct WeightedNorm {
  double weight;
  NormPtr norm;
};

/// The norm whose dual is Σ w_i ‖M‖_i† and whose unit ball is the Minkowski sum of the balls w_i B_i.
///
/// lmo Σ w_i lmo_i(M); ρ = Σ w_i ρ_i; value: the gauge of the sum. F-Muon, F-Neon, F-Fanion-k are
/// α·(spectral, nuclear, ky_fan_dual(k)) + (1−α)·frobenius (004 Lemmas 4, 5, 7). The value is exact for sums
/// of one such norm with frobenius (004 eq. 19, 20: a one-dimensional problem in the gauge, solved to
/// 1e-12); for other sums `value` throws.
/// Weights must be finite and ≥ 0, one of them positive: otherwise the set is no norm ball, and
/// `weighted_sum` is the rule to use.
NormPtr dual_sum(const std::vector<WeightedNorm>& parts);

}  // namespace fanion::norms
