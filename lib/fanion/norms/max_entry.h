#pragma once

#include "fanion/norms/matrix_norm.h"

namespace fanion::norms {

/// max|x_ij|; dual Σ|m_ij|; lmo −sign(M); ρ = √(mn). The LMO of SignSGD and Signum (KyFan Table 1). Cost: mn flops.
NormPtr max_entry();

}  // namespace fanion::norms
