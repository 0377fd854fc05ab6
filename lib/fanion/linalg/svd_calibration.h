#pragma once

#include <functional>
#include <string>

#include "fanion/linalg/cost_model.h"

namespace fanion::linalg {

/// Measures what the cost model of the SVD needs on this machine, with the threads in use: seconds of products, LAPACK
/// and small steps. Takes 10 to 30 s. Each time is the least of several. `said` gets a line for each kind of
/// measurement.
SvdCosts measure_costs(const std::function<void(const std::string&)>& said);

}  // namespace fanion::linalg
