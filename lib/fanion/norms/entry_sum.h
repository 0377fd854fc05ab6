#pragma once

#include "fanion/norms/matrix_norm.h"

namespace fanion::norms {

/// Σ|x_ij|; dual max|m_ij|; lmo −sign(m_ij)·e_ij at the argmax, ties sharing it equally; ρ = 1. Gauss–Southwell
/// coordinate descent (KyFan Table 1). Cost: mn flops; `project` sorts the entries.
NormPtr entry_sum();

}  // namespace fanion::norms
