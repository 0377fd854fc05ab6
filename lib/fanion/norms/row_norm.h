#pragma once

#include "fanion/norms/matrix_norm.h"

namespace fanion::norms {

/// max_i ‖x_i‖₂ over the rows x_i; dual Σ_i‖m_i‖₂; lmo −m_i/‖m_i‖₂ in every row, 0 in zero rows; ρ = √m.
///
/// Row-normalised descent, for embeddings and heads (Pethick et al. 2025). Cost: 3mn flops.
NormPtr row_norm();

}  // namespace fanion::norms
