#include "reproduce/paired_difference.h"

#include <c10/util/Exception.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "terminal/table.h"

namespace fanion::reproduce {
namespace {

/// P(|T| ≤ t) for n degrees of freedom, by its finite sums (Abramowitz & Stegun 26.7.3 and 26.7.4).
double student_within(double t, int n) {
  const double theta = std::atan(t / std::sqrt(static_cast<double>(n)));
  const double square = std::pow(std::cos(theta), 2);
  const bool odd = n % 2 == 1;
  double term = odd ? std::cos(theta) : 1, sum = 0;
  for (int i = odd ? 1 : 0; i <= n - 2; i += 2) {
    sum += term;
    term *= square * (i + 1) / (i + 2);
  }
  return odd ? 2 / std::numbers::pi * (theta + std::sin(theta) * sum) : std::sin(theta) * sum;
}

}  // namespace

double student_t_95(int n) {
  TORCH_INTERNAL_ASSERT(n >= 1);
  constexpr double kWithin = 0.95;
  double low = 0, high = 16;  // one degree of freedom has 12.7, more have less
  while (high - low > 1e-9) {
    const double middle = (low + high) / 2;
    (student_within(middle, n) < kWithin ? low : high) = middle;
  }
  return high;
}

Interval paired_difference(const std::vector<double>& a, const std::vector<double>& b) {
  TORCH_INTERNAL_ASSERT(a.size() == b.size() && !a.empty());
  const auto n = static_cast<double>(a.size());
  double sum = 0, squares = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] - b[i];
  const double mean = sum / n;
  if (a.size() == 1) return {mean, std::numeric_limits<double>::quiet_NaN()};
  for (std::size_t i = 0; i < a.size(); ++i) squares += std::pow(a[i] - b[i] - mean, 2);
  return {mean, student_t_95(static_cast<int>(a.size()) - 1) * std::sqrt(squares / (n - 1) / n)};
}

std::optional<bool> is_above(double number, const Interval& difference) {
  if (difference.low() > number) return true;
  return difference.high() < number ? std::optional(false) : std::nullopt;
}

std::optional<bool> is_below(double number, const Interval& difference) {
  return is_above(-number, {-difference.mean, difference.half});
}

std::string interval_text(const Interval& interval, int digits) {
  const auto mean = (interval.mean < 0 ? "" : "+") + terminal::fixed(interval.mean, digits);
  return std::isnan(interval.half) ? mean : mean + " ± " + terminal::fixed(interval.half, digits);
}

}  // namespace fanion::reproduce
