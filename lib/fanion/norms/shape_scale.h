#pragma once

#include <cstdint>
#include <string_view>

namespace fanion::norms {

/// The factor on the learning rate that makes one rate fit all shapes; m = rows (out), n = columns (in·kh·kw).
enum class ShapeScale {
  original,         ///< √max(1, m/n): Keller Jordan; torch's default
  match_rms_adamw,  ///< 0.2·√max(m, n): Moonshot (Liu et al. 2025), the RMS of an AdamW step
  rms_to_rms,       ///< √(m/n): the unit RMS→RMS ball (Bernstein & Newhouse 2024; Proposal eq. 3)
  none,             ///< 1
};

double shape_scale(ShapeScale scale, int64_t m, int64_t n);
ShapeScale shape_scale_from_name(std::string_view name);
std::string_view name_of(ShapeScale scale);

}  // namespace fanion::norms
