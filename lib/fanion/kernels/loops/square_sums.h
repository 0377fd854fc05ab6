#pragma once

#include "fanion/kernels/loops/loop_elements.h"

/// Sums of squares, in float32 for a few elements and in double from there. For loop_table.cpp alone, like
/// loop_elements.h.
namespace fanion::kernels {
namespace {

/// Those that `add_rows` finds, by lanes.
struct LaneSums {
  double lanes[kLanes] = {};
  double total() const {
    double sum = 0;
    for (const double each : lanes) sum += each;
    return sum;
  }
};

/// f(sums, or nullptr where `squares` is that); adds the sums to `squares`.
template <class F>
FANION_INLINE void with_squares(double* squares, F&& f) {
  if (squares == nullptr) return f(nullptr);
  LaneSums sums;
  f(&sums);
  *squares += sums.total();
}

/// Σx² of `count` elements.
template <Storage S>
double squares(const ElementOf<S>* x, std::int64_t count) {
  constexpr int kSums = 4;  // independent, so that additions need not wait for each other
  double total = 0;
  std::int64_t i = 0;
  while (i + kSums * kLanes <= count) {
    Vector sums[kSums] = {};
    for (int round = 0; round < kRounds && i + kSums * kLanes <= count; ++round, i += kSums * kLanes)
      for (int j = 0; j < kSums; ++j) {
        const Vector each = Element<S>::load(x + i + j * kLanes);
        sums[j] += each * each;
      }
    double part = 0;
    for (const Vector& each : sums)
      for (int lane = 0; lane < kLanes; ++lane) part += each[lane];
    total += part;
  }
  for (; i < count; ++i) {
    const double each = Element<S>::one(x + i);
    total += each * each;
  }
  return total;
}

}  // namespace
}  // namespace fanion::kernels
