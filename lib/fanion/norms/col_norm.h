#pragma once

#include "fanion/norms/matrix_norm.h"

namespace fanion::norms {

/// max_j ‖x_j‖₂ over the columns x_j; dual Σ_j‖m_j‖₂; lmo −m_j/‖m_j‖₂ in every column, 0 in zero columns; ρ = √n.
///
/// Column-normalised descent, for embeddings and heads (Pethick et al. 2025). Cost: 3mn flops.
NormPtr col_norm();

}  // namespace fanion::norms
