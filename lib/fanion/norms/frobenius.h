#pragma once

#include "fanion/norms/matrix_norm.h"

namespace fanion::norms {

/// ‖X‖_F = √Σx²; dual ‖M‖_F; lmo −M/‖M‖_F; ρ = 1. The LMO of normalised SGD (KyFan Lemma 1). Cost: 2mn flops.
NormPtr frobenius();

}  // namespace fanion::norms
