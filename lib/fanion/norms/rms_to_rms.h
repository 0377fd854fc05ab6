#pragma once

#include "fanion/norms/spectral.h"

namespace fanion::norms {

/// √(n/m)·σ₁; dual √(m/n)·Σσ; lmo −√(m/n)·UVᵀ; ρ = √(m/n)·√min(m, n).
///
/// The operator norm between vectors measured by their RMS, for weights of m = d_out × n = d_in: Muon with the scale
/// √(d_out/d_in) (Proposal eq. 3; Bernstein & Newhouse 2024). `newton_schulz` and cost: as in `spectral`.
NormPtr rms_to_rms(std::optional<linalg::NewtonSchulzOptions> newton_schulz = std::nullopt);

}  // namespace fanion::norms
