#pragma once

#include <algorithm>
#include <limits>

namespace fanion::linalg {

/// Whether, look after look, neither a residual close to rounding nor the criterion's value falls by a tenth any more.
class Standstill {
 public:
  /// Looks in a row that must bring nothing: `patience`, or where that is more, `share` of all looks so far.
  explicit Standstill(int patience, double share = 0) : patience_(patience), share_(share) {}
  /// `residual` and `rounding` relative to σ₁.
  bool seen(double residual, double value, double rounding) {
    constexpr double kClose = 1e3;
    if (residual < 0.9 * residual_ || value < 0.9 * value_) since_ = 0;
    residual_ = std::min(residual, residual_);
    value_ = std::min(value, value_);
    ++looks_;
    return ++since_ > std::max<double>(patience_, share_ * looks_) && residual_ < kClose * rounding;
  }

 private:
  int patience_, since_ = 0, looks_ = 0;
  double share_;
  double residual_ = std::numeric_limits<double>::infinity(), value_ = residual_;
};

}  // namespace fanion::linalg
