#pragma once

#include "reproduce/reproduction.h"

namespace fanion::reproduce {

/// KyFan §3: the time of each method to 1 % of the best rank-k matrix of a Gaussian 5000 × 5000 one, k = 1, 10, 100,
/// with three errors: of σ, of Σuvᵀ (what Fanions step along) and of Σσuvᵀ; and randomized SVD with the passes that its
/// callers leave it at. KyFan says of RSVD that its σ are accurate and its matrix is not, and of TRLan the other way
/// round.
void table_2(const Request& request);

}  // namespace fanion::reproduce
