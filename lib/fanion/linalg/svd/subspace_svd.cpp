// Method: warm-started block power iteration with a Rayleigh–Ritz step.
// Algorithm: block_power.cpp from the warm start and `oversample` more columns; one pass is one A·V and one Aᵀ·Q.
// References: Halko, Martinsson & Tropp 2011, §5.1 and Algorithm 4.4; Ahn & Xu 2025 (Dion) for warm starts.
// Rounding: columns lose accuracy relative to σ₁·eps, so triplets below that are noise; orthonormality comes
//   from QR (block_split.h) and does not degrade.
// Bound: σ̂ᵢ ≤ σᵢ always; a pass multiplies the tangent of the angle to the top-k space by (σ_{b+1}/σ_k)².

#include <algorithm>

#include "fanion/linalg/random_start.h"
#include "fanion/linalg/svd/block_power.h"
#include "fanion/linalg/svd/svd_methods.h"

namespace fanion::linalg {

SvdResult subspace_svd(const LinearOperator& A, int64_t k, const InnerOptions& options) {
  const int64_t columns = std::min(k + options.oversample, std::min(A.rows(), A.cols()));
  if (!options.warm_start.defined())
    return block_power(A, k, options, random_block(A.cols(), columns, A.options(), options), columns);
  const auto V = options.warm_start.to(A.options());
  return block_power(A, k, options, resized_guess(V, columns, options), std::max<int64_t>(columns - V.size(1), 0));
}

}  // namespace fanion::linalg
