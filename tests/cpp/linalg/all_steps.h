#pragma once

#include "fanion/linalg/coefficient_sets.h"

namespace fanion::testing {

/// One triple for each of a set's own steps.
inline std::vector<linalg::Quintic> all_steps(const linalg::CoefficientSet& set) {
  if (set.coefficients.size() > 1) return set.coefficients;
  return std::vector(set.steps, set.coefficients[0]);
}

}  // namespace fanion::testing
