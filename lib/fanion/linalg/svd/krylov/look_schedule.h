#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace fanion::linalg {

/// When to look at the projected problem next: looks cost as much as several steps once the basis is large.
class LookSchedule {
 public:
  /// `patience`: most steps to wait, relative to those done.
  LookSchedule(double tol, int64_t first_step, double patience = 0.25)
      : tol_(tol), patience_(patience), first_(first_step) {}

  /// Steps until the criterion should hold if it goes on falling as it has since the last look. Its estimate without
  /// bounds falls more smoothly, so that comes first.
  int64_t wait(int64_t step, double value, double estimate) {
    const double now = estimate > tol_ ? estimate : value;
    const int64_t since = step - last_step_;
    const bool known = last_step_ > 0 && std::isfinite(last_) && now < last_ && (estimate > tol_) == by_estimate_;
    const double rate = known ? std::log(last_ / now) / static_cast<double>(since) : 0.0;
    last_ = now;
    last_step_ = step;
    by_estimate_ = estimate > tol_;
    const int64_t done = step - first_,
                  most = std::max<int64_t>(1, std::llround(patience_ * static_cast<double>(done)));
    if (!known) return by_estimate_ ? most : std::max<int64_t>(1, most / 3);
    const double needed = std::log(now / tol_) / rate;
    return std::isfinite(needed) ? std::clamp<int64_t>(std::llround(std::ceil(needed)), 1, most) : most;
  }

 private:
  double tol_, patience_, last_ = 0;
  int64_t first_, last_step_ = 0;
  bool by_estimate_ = true;
};

}  // namespace fanion::linalg
