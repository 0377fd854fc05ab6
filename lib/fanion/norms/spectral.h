#pragma once

#include <optional>

#include "fanion/linalg/newton_schulz.h"
#include "fanion/norms/matrix_norm.h"

namespace fanion::norms {

/// σ₁; dual Σσ; lmo −UVᵀ; ρ = √min(m, n). The LMO of Muon (KyFan Lemma 2).
///
/// Without `newton_schulz` the polar factor comes from an SVD: exact up to rounding, O(mn·min(m, n)).
/// With it, from Newton–Schulz: an approximate LMO whose singular values are within the bounds that
/// `linalg::newton_schulz` states.
NormPtr spectral(std::optional<linalg::NewtonSchulzOptions> newton_schulz = std::nullopt);

}  // namespace fanion::norms
