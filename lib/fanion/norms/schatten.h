#pragma once

#include "fanion/norms/matrix_norm.h"

namespace fanion::norms {

/// ‖σ‖_p; dual ‖σ‖_q with 1/p + 1/q = 1; lmo −U diag((σ_i/‖σ‖_q)^{q−1}) Vᵀ; ρ = min(m, n)^{max(0, 1/2 − 1/p)}.
///
/// p in [1, ∞], else it throws; p = 1, 2, ∞ are nuclear(), frobenius(), spectral() themselves. Powers are taken of
/// σ/σ₁ in float64, so no p overflows. Cost: one dense SVD. Source: KyFan §2.9.
NormPtr schatten(double p);

}  // namespace fanion::norms
