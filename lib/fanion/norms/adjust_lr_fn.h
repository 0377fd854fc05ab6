#pragma once

#include <array>

#include "fanion/names.h"
#include "fanion/norms/direction_rule.h"

namespace fanion::norms {

/// The factor on the learning rate that makes one rate fit all shapes; m = rows (out), n = columns (in·kh·kw).
enum class AdjustLrFn {
  original,  ///< √max(1, m/n): Keller Jordan; torch's default
  /// 0.2·√(mn)/‖D‖_F with the rule's nominal ‖D‖_F: entries of RMS 0.2, as those of an AdamW step, so that AdamW's
  /// learning rate carries over. For Muon 0.2·√max(m, n): Moonshot (Liu et al. 2025).
  match_rms_adamw,
  rms_to_rms,  ///< √(m/n): the unit RMS→RMS ball (Bernstein & Newhouse 2024; Proposal eq. 3)
  none,        ///< 1
};

/// "spectral_unclamped" is the name that torch 2.14 has for rms_to_rms.
inline constexpr std::array<Named<AdjustLrFn>, 5> kAdjustLrFns{{{AdjustLrFn::original, "original"},
                                                                {AdjustLrFn::match_rms_adamw, "match_rms_adamw"},
                                                                {AdjustLrFn::rms_to_rms, "rms_to_rms"},
                                                                {AdjustLrFn::rms_to_rms, "spectral_unclamped"},
                                                                {AdjustLrFn::none, "none"}}};
constexpr const auto& names_of(AdjustLrFn) { return kAdjustLrFns; }

/// The factor for m × n matrices under `rule`, which only `match_rms_adamw` asks.
double lr_factor(AdjustLrFn adjust, const DirectionRule& rule, int64_t m, int64_t n);

}  // namespace fanion::norms
