#pragma once

#include <optional>

#include "fanion/norms/matrix_norm.h"
#include "fanion/norms/rank.h"

namespace fanion::norms {

/// max|x_ij|/c with c = √(k/(mn)); dual c·Σ|m_ij|; lmo −c·sign(M); ρ = √k. k is min(m, n) unless given.
///
/// `max_entry` in the units of `ky_fan_dual(k)` (`spectral` without k): both LMOs have Frobenius norm √k, so their
/// entries have the same RMS, c. What the S- families add. Throws where k > min(m, n). Cost: mn flops.
/// Source: the scale of S-Muon in arXiv 2512.09678, by shape instead of tuned.
NormPtr scaled_max_entry(std::optional<Rank> k = std::nullopt);

}  // namespace fanion::norms
