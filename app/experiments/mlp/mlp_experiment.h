#pragma once

#include "experiments/registry.h"

namespace fanion::experiments::mlp {

/// CIFAR-10 by 3072 → 512 → GELU → 10 (Proposal §6, figures 1 and 3). Both weights follow the rule, biases AdamW.
ExperimentPtr experiment();

}  // namespace fanion::experiments::mlp
