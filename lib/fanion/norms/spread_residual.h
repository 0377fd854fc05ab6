#pragma once

#include "fanion/norms/direction.h"
#include "fanion/norms/matrix_layout.h"

namespace fanion::norms {

/// The term of a batch of spread matrices, of which it holds this process's blocks: where the map needs norms of whole
/// rows, columns or matrices, those of the residual that is formed here. The term itself where nothing is spread.
/// Not for `newton_schulz`, which is no `ResidualTerm`.
Term spread_residual(const ResidualTerm& term, const MatrixLayout* layout);

}  // namespace fanion::norms
