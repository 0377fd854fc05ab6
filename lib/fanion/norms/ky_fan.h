#pragma once

#include "fanion/norms/matrix_norm.h"
#include "fanion/norms/rank.h"

namespace fanion::norms {

/// Σ_{i≤k}σ_i; dual max(Σσ/k, σ₁); lmo −u₁v₁ᵀ where σ₁ ≥ Σσ/k, else −UVᵀ/k; ρ = max(√min(m, n)/k, 1).
///
/// The dual norm of `ky_fan_dual(k)`. k = 1 is the spectral norm, k = min(m, n) the nuclear norm.
/// Throws where k > min(m, n). Cost: one dense SVD. Source: Bhatia 2013, p. 96; KyFan Lemma 6.
NormPtr ky_fan(Rank k);

/// k of it on m × n matrices, where `norm` is such a one.
std::optional<int64_t> ky_fan_rank(const MatrixNorm& norm, int64_t m, int64_t n);

}  // namespace fanion::norms
