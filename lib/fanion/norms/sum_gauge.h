#pragma once

#include <vector>

#include "fanion/norms/matrix_norm.h"

namespace fanion::norms {

struct WeightedNorm {
  double weight;
  NormPtr norm;
};

struct GaugeOptions {
  double tol = 1e-6;              ///< stop where upper − lower ≤ tol·lower
  int64_t max_iterations = 5000;  ///< a few SVDs each where a part needs them
};

/// lower ≤ gauge ≤ upper, up to the rounding of the parts' own values.
struct Gauge {
  double lower, upper;
  int64_t iterations;
  bool converged;  ///< upper − lower ≤ tol·lower
};

/// The gauge at X of the Minkowski sum Σ w_i B_i of unit balls: min t with X = Σ Z_i, ‖Z_i‖_i ≤ w_i t.
///
/// Its dual is max ⟨X, Y⟩ over Σ w_i ‖Y‖_i† ≤ 1. Any Y gives the lower bound ⟨X, Y⟩ / Σ w_i ‖Y‖_i†, any Z_i whose
/// sum is X − R the upper bound max_i ‖Z_i‖_i/w_i + min_i ‖R‖_i/w_i (004 eq. 18 for any number of parts).
/// Weights > 0; X (m, n), computed in float64. Errors: tol or max_iterations not positive; a part without `project`.
/// Cost: per iteration about five projections and dual norms of every part; tens to thousands of iterations.
/// Source: Douglas–Rachford splitting between {Σ Z_i = X} and the prox of max_i ‖Z_i‖_i/w_i (Lions & Mercier 1979;
/// Eckstein & Bertsekas 1992 for the relaxation), with the step balanced as in PDLP (Applegate et al. 2021).
Gauge sum_gauge(const std::vector<WeightedNorm>& parts, const at::Tensor& X, const GaugeOptions& options = {});

}  // namespace fanion::norms
