#include "fanion/norms/adjust_lr_fn.h"

#include <algorithm>
#include <cmath>

namespace fanion::norms {

double lr_factor(AdjustLrFn adjust, const DirectionRule& rule, int64_t m, int64_t n) {
  const auto rows = static_cast<double>(m), cols = static_cast<double>(n);
  switch (adjust) {
    case AdjustLrFn::original: return std::sqrt(std::max(1.0, rows / cols));
    case AdjustLrFn::match_rms_adamw: return 0.2 * std::sqrt(rows * cols) / rule.nominal_frobenius(m, n);
    case AdjustLrFn::rms_to_rms: return std::sqrt(rows / cols);
    case AdjustLrFn::none: return 1;
  }
  TORCH_INTERNAL_ASSERT(false);
}

}  // namespace fanion::norms
