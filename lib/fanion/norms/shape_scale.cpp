#include "fanion/norms/shape_scale.h"

#include <algorithm>
#include <cmath>

#include "fanion/names.h"

namespace fanion::norms {
namespace {

constexpr std::array<Named<ShapeScale>, 4> kScales{{{ShapeScale::original, "original"},
                                                    {ShapeScale::match_rms_adamw, "match_rms_adamw"},
                                                    {ShapeScale::rms_to_rms, "rms_to_rms"},
                                                    {ShapeScale::none, "none"}}};

}  // namespace

double shape_scale(ShapeScale scale, const DirectionRule& rule, int64_t m, int64_t n) {
  const auto rows = static_cast<double>(m), cols = static_cast<double>(n);
  switch (scale) {
    case ShapeScale::original: return std::sqrt(std::max(1.0, rows / cols));
    case ShapeScale::match_rms_adamw: return 0.2 * std::sqrt(rows * cols) / rule.nominal_frobenius(m, n);
    case ShapeScale::rms_to_rms: return std::sqrt(rows / cols);
    case ShapeScale::none: return 1;
  }
  TORCH_INTERNAL_ASSERT(false);
}

ShapeScale shape_scale_from_name(std::string_view name) { return parse_name(kScales, name, "shape scale"); }
std::string_view name_of(ShapeScale scale) { return find_name(kScales, scale); }

}  // namespace fanion::norms
