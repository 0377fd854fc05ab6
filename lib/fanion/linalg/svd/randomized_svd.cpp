// Method: randomized SVD (range finder with power iterations).
// Algorithm: block_power.cpp from a Gaussian block of k + max(oversample, k/10) columns, orthonormalised after every
//   product, as many passes as the criterion needs; ignores a warm start (`subspace` is the method that takes one).
// References: Halko, Martinsson & Tropp 2011, Algorithms 4.4 and 5.1.
// Rounding: as `subspace`.
// Bound: E‖A − QQᵀA‖ ≤ (1 + k/(o − 1))^{1/2}·(Σ_{j>k}σⱼ²)^{1/2} after half a pass with o extra columns (their Theorem
//   10.5); each pass raises the decay of the spectrum to the next odd power, which is of little help on flat spectra.

#include <algorithm>

#include "fanion/linalg/random_start.h"
#include "fanion/linalg/svd/block_power.h"
#include "fanion/linalg/svd/svd_methods.h"

namespace fanion::linalg {

SvdResult randomized_svd(const LinearOperator& A, int64_t k, const InnerOptions& options) {
  const int64_t extra = std::max(options.oversample, k / 10);
  const int64_t columns = std::min(k + extra, std::min(A.rows(), A.cols()));
  return block_power(A, k, options, random_block(A.cols(), columns, A.options(), options), columns);
}

}  // namespace fanion::linalg
