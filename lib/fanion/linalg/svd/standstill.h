#pragma once

#include <algorithm>
#include <limits>

namespace fanion::linalg {

/// Whether, look after look, neither a residual close to rounding nor the criterion's value falls by a tenth any more.
class Standstill {
 public:
  /// `patience`: looks in a row that must bring nothing.
  explicit Standstill(int patience) : patience_(patience) {}
  /// `residual` and `rounding` relative to σ₁.
  bool seen(double residual, double value, double rounding) {
    constexpr double kClose = 1e3;
    if (residual < 0.9 * residual_ || value < 0.9 * value_) since_ = 0;
    residual_ = std::min(residual, residual_);
    value_ = std::min(value, value_);
    return ++since_ > patience_ && residual_ < kClose * rounding;
  }

 private:
  int patience_, since_ = 0;
  double residual_ = std::numeric_limits<double>::infinity(), value_ = residual_;
};

}  // namespace fanion::linalg
