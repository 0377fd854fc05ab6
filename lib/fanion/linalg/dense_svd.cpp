// Method: full SVD of the formed matrix, cut to k triplets.
// Algorithm: LAPACK's divide and conquer (gesdd), through ATen; the matrix is scaled by its largest entry
//   first, so that neither squares nor sums leave the range of float32.
// References: Golub & Van Loan, Matrix Computations, 4th ed., §8.6.
// Rounding: backward stable; σ_i has an absolute error of about eps·σ₁, so σ_i below eps·σ₁ are noise.

#include <ATen/TensorOperators.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/linalg_svd.h>

#include <limits>

#include "fanion/linalg/svd_methods.h"

namespace fanion::linalg {

SvdResult dense_svd(const LinearOperator& A, int64_t k, const SvdOptions&) {
  const auto dense = A.to_dense();
  const double smallest =
      dense.scalar_type() == at::kDouble ? std::numeric_limits<double>::min() : std::numeric_limits<float>::min();
  const auto scale = dense.abs().amax().clamp_min(smallest);  // the zero matrix stays zero
  auto [U, S, Vh] = at::linalg_svd(dense / scale, /*full_matrices=*/false);
  SvdResult result{U.narrow(1, 0, k).contiguous(), S.narrow(0, 0, k) * scale, Vh.narrow(0, 0, k).t().contiguous(), {}};
  result.report.residuals = triplet_residuals(A, result.U, result.S, result.V);
  result.report.message = c10::str("full SVD of ", A.rows(), " x ", A.cols());
  return result;
}

}  // namespace fanion::linalg
