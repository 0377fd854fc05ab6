#pragma once

#include "reproduce/reproduction.h"

namespace fanion::reproduce {

/// Every LMO of KyFan Table 1 and the Fanions on a 300 × 200 Gaussian matrix M in float64: ‖M‖†, the gap
/// 1 − ⟨M, −D⟩/‖M‖† and ‖D‖ − 1, both 0 for the minimiser over the unit ball.
void table_1(const Request& request);

}  // namespace fanion::reproduce
