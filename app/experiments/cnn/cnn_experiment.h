#pragma once

#include "experiments/registry.h"

namespace fanion::experiments::cnn {

/// CIFAR-10 by two blocks of 3×3 convolution, GELU and 2×2 maximum, and two fully connected layers with GELU and
/// dropout between (Proposal §6, figures 2 and 4, which leave the sizes open). All weights follow the rule, filters as
/// matrices (out, in·3·3); biases AdamW.
ExperimentPtr experiment();

}  // namespace fanion::experiments::cnn
