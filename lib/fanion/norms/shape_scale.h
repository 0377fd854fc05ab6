#pragma once

#include <string_view>

#include "fanion/norms/direction_rule.h"

namespace fanion::norms {

/// The factor on the learning rate that makes one rate fit all shapes; m = rows (out), n = columns (in·kh·kw).
enum class ShapeScale {
  original,  ///< √max(1, m/n): Keller Jordan; torch's default
  /// 0.2·√(mn)/‖D‖_F with the rule's nominal ‖D‖_F: entries of RMS 0.2, as those of an AdamW step, so that AdamW's
  /// learning rate carries over. For Muon 0.2·√max(m, n): Moonshot (Liu et al. 2025).
  match_rms_adamw,
  rms_to_rms,  ///< √(m/n): the unit RMS→RMS ball (Bernstein & Newhouse 2024; Proposal eq. 3)
  none,        ///< 1
};

/// The factor for m × n matrices under `rule`, which only `match_rms_adamw` asks.
double shape_scale(ShapeScale scale, const DirectionRule& rule, int64_t m, int64_t n);
ShapeScale shape_scale_from_name(std::string_view name);
std::string_view name_of(ShapeScale scale);

}  // namespace fanion::norms
