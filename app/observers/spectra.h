#pragma once

#include "observers/observer.h"

namespace fanion::observers {

/// All singular values, largest first, of the gradient and of the momentum: {"gradient": […], "momentum": […]}. In
/// float64 by LAPACK; O(mn·min(m, n)) each.
nlohmann::json spectra_of(const ObservedMatrix& matrix);

}  // namespace fanion::observers
