#pragma once

#include "reproduce/reproduction.h"

namespace fanion::reproduce {

/// KyFan §4.1: Fanion-1, 2, 5, 100, 500, each with its F-version at α = ½, and NSGD on least squares of 500 × 500 with
/// momentum 0.6, T = 12,000, lr 1/√T; beside it, lr 1/√t. Both figures are of the same runs.
void figure_1(const Request& request);
void figure_7(const Request& request);

}  // namespace fanion::reproduce
