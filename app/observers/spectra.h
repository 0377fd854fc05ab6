#pragma once

#include "observers/observer.h"

namespace fanion::observers {

/// All singular values, largest first, of the gradient and of the momentum: {"gradient": […], "momentum": […]}. In
/// float64 by LAPACK; O(mn·min(m, n)) each.
class Spectra : public Observer {
 public:
  nlohmann::json observe(const ObservedMatrix& matrix) const override;
};

}  // namespace fanion::observers
