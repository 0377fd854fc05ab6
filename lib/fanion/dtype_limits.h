#pragma once

#include <c10/core/ScalarType.h>

#include <limits>

/// Of the precision that the library computes in: float64 for float64, float32 for everything else.
namespace fanion {

inline double machine_epsilon(at::ScalarType dtype) {
  return dtype == at::kDouble ? std::numeric_limits<double>::epsilon() : std::numeric_limits<float>::epsilon();
}

/// The smallest number with all its bits.
inline double smallest_normal(at::ScalarType dtype) {
  return dtype == at::kDouble ? std::numeric_limits<double>::min() : std::numeric_limits<float>::min();
}

inline double largest_number(at::ScalarType dtype) {
  return dtype == at::kDouble ? std::numeric_limits<double>::max() : std::numeric_limits<float>::max();
}

}  // namespace fanion
