#pragma once

#include <optional>
#include <string>
#include <vector>

#include "fanion/norms/ky_fan_form.h"
#include "fanion/norms/quadratic_form.h"

namespace fanion::norms {

/// max_{‖D‖≤1} ⟨D, A D B⟩, or a number that is proved to be above it.
struct QuadraticMaximum {
  double value;
  bool exact;       ///< else an upper bound
  std::string how;  ///< the formula
};

/// The maximum over the unit ball of a Ky Fan form: exact for singular values (the extreme points are partial
/// isometries of rank k) and for the sum of entries, a bound for the largest entry, row or column; nothing for other k
/// of those.
std::optional<QuadraticMaximum> maximum_over(const KyFanForm& ball, const QuadraticForm& form);

/// max Σ p_i(c_i + y_i)² over ‖y‖₂ ≤ b, p and c descending and not negative. Where b > 0 at y_i = p_i c_i/(μ − p_i)
/// with μ > p₁ such that ‖y‖ = b, by bisection to the last bit; at y = b·e₁ where c = 0.
double maximum_around(const std::vector<double>& c, double b, const std::vector<double>& p);

}  // namespace fanion::norms
