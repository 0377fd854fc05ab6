#pragma once

#include <optional>
#include <string>
#include <vector>

namespace fanion::reproduce {

/// A mean with half the width of its 95 % interval: Student's t; NaN for a single value.
struct Interval {
  double mean = 0;
  double half = 0;

  double low() const { return mean - half; }
  double high() const { return mean + half; }
};

/// Of a_i − b_i, i = 0, 1, …, values of two methods under the same seeds.
Interval paired_difference(const std::vector<double>& a, const std::vector<double>& b);

/// Whether a difference is above, or below, a number; nothing where its interval holds that, or is of a single value.
std::optional<bool> is_above(double number, const Interval& difference);
std::optional<bool> is_below(double number, const Interval& difference);

/// "+0.0123 ± 0.0045"
std::string interval_text(const Interval& interval, int digits);

/// The t that a Student variable with n ≥ 1 degrees of freedom stays within, ±t, in 95 % of all draws.
double student_t_95(int n);

}  // namespace fanion::reproduce
