#pragma once

#include <vector>

#include "fanion/norms/matrix_norm.h"

namespace fanion::norms {

struct WeightedNorm {
  double weight;
  NormPtr norm;
};

struct GaugeOptions {
  double tol = 1e-6;               ///< stop where upper − lower ≤ tol·lower
  int64_t max_iterations = 20000;  ///< about two SVDs each where a part needs them
};

/// Throws where an option is not positive.
void check(const GaugeOptions& options);

/// lower ≤ gauge ≤ upper, up to the rounding of the parts' own values and dual norms.
struct Gauge {
  double lower, upper;
  int64_t iterations = 0;
  bool converged = true;  ///< upper − lower ≤ tol·lower
  at::Tensor Y;           ///< (m, n) float64 with ⟨X, Y⟩ / Σ w_i ‖Y‖_i† = lower
  at::Tensor Z;           ///< (parts, m, n) float64 with Σ Z_i = X, max_i ‖Z_i‖_i/w_i = upper
};

/// The gauge at X of the Minkowski sum Σ w_i B_i of unit balls: min t with X = Σ Z_i, ‖Z_i‖_i ≤ w_i t.
///
/// Its dual is max ⟨X, Y⟩ over Σ w_i ‖Y‖_i† ≤ 1, so that any Y gives a lower bound and any decomposition an upper one
/// (KyFan eq. 18 for any number of parts).
/// Weights > 0; X (m, n), computed in float64 and, whatever its device, on the CPU, where the many small problems take
/// least. Errors: tol or max_iterations not positive; a part without `project`.
/// Cost: per iteration a decomposition of every part's matrix, about one more for the bounds, and some ten cuts of its
/// magnitudes; of a part that is neither a `KyFanForm` nor frobenius five projections and dual norms. On matrices of up
/// to 70 × 70 tens to thousands of iterations; most where a part carries nearly nothing or many σ or entries tie: the
/// rate is linear at best. Source: Douglas–Rachford splitting between {Σ Z_i = X} and the prox of max_i ‖Z_i‖_i/w_i
/// (Lions & Mercier 1979; Eckstein & Bertsekas 1992 for the relaxation), Anderson-accelerated (Walker & Ni 2011).
Gauge sum_gauge(const std::vector<WeightedNorm>& parts, const at::Tensor& X, const GaugeOptions& options = {});

}  // namespace fanion::norms
