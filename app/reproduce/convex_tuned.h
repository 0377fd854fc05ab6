#pragma once

#include "reproduce/reproduction.h"

namespace fanion::reproduce {

/// The least squares problem of KyFan's newer version: `sum` momentum with Nesterov, a constant rate, rate and momentum
/// of every optimizer by its own sweep; iterations to a loss of 0.001.
void convex_tuned(const Request& request);

}  // namespace fanion::reproduce
