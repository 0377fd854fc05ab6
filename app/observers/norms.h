#pragma once

#include "observers/observer.h"

namespace fanion::observers {

/// Frobenius, spectral and nuclear norm and the stable rank ‖A‖²_F/‖A‖²_op of the weight, the gradient and the
/// momentum:
/// {"gradient": {"frobenius": …, "spectral": …, "nuclear": …, "stable_rank": …}, …}. In float64 by LAPACK.
nlohmann::json norms_of(const ObservedMatrix& matrix);

}  // namespace fanion::observers
