#pragma once

#include <cstdint>
#include <vector>

#include "fanion/linalg/quintic.h"

namespace fanion::linalg {

struct PolarExpressOptions {
  /// Smallest singular value, relative to ‖M‖_F, that the steps bring to 1 as fast as possible; in (0, 1].
  double lower = 1e-3;
  int64_t steps = 8;
  /// Every step but the last is p(x/safety): room for rounding to push a singular value above the interval; ≥ 1.
  double safety = 1;
  /// Whether a step's interval is what p(x/safety) leaves of the one before (modded-nanogpt, NoahAmsel/PolarExpress)
  /// or what p(x) leaves of it, the division coming last (arXiv 2505.16932, the list of coefficients).
  bool track_safety = false;
  /// A step is optimal on [max(lower, cushion·upper), upper]; in [0, 1). More keeps p(x)/x, the factor between small
  /// and large singular values, away from 0. The default is the paper's: p(x)/x ≥ 0.24 at the default `lower`.
  double cushion = 0.02407327424182761;
};

/// Coefficients of Polar Express: each step is the odd quintic closest to 1 on what the steps before it left.
///
/// p_t = argmin max_{l ≤ x ≤ u} |1 − p(x)| over p(x) = ax + bx³ + cx⁵, then l ← p(l), u ← 2 − l, from [lower, 1].
/// With the cushion, p_t is rescaled so that p(l) and p(u) are as far below and above 1.
/// Errors: ValueError where an option leaves the range beside it, or `steps` that of 1 to 99.
/// Cost: some ten systems of 4 equations a step. Source: Amsel, Persson, Musco & Gower 2025, Algorithm 1, App. D, G.
std::vector<Quintic> polar_express_coefficients(const PolarExpressOptions& options = {});

}  // namespace fanion::linalg
