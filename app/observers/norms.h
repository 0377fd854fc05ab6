#pragma once

#include "observers/observer.h"

namespace fanion::observers {

/// Frobenius, spectral and nuclear norm and the stable rank ‖A‖²_F/‖A‖²_op of the weight, the gradient and the
/// momentum:
/// {"gradient": {"frobenius": …, "spectral": …, "nuclear": …, "stable_rank": …}, …}. In float64 by LAPACK.
class Norms : public Observer {
 public:
  nlohmann::json observe(const ObservedMatrix& matrix) const override;
};

}  // namespace fanion::observers
