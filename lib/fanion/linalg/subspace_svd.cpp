// Method: warm-started block power iteration with one Rayleigh–Ritz step at the end.
// Algorithm: each pass takes Q = orth(A V), Z = Aᵀ Q; with the QR of Z = W R, A ≈ Q Rᵀ Wᵀ, and the SVD of
//   the small Rᵀ gives the triplets. One pass is one A·V and one Aᵀ·Q; nothing else touches A.
// References: Halko, Martinsson & Tropp 2011, §5.1 and Algorithm 4.4; Ahn & Xu 2025 (Dion) for warm starts.
// Rounding: columns lose accuracy relative to σ₁·eps, so triplets below that are noise; orthonormality comes
//   from Householder QR and does not degrade.
// Bound: σ̂_i ≤ σ_i always; a pass multiplies the tangent of the angle to the top-k space by (σ_{b+1}/σ_k)².

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/linalg_qr.h>
#include <ATen/ops/linalg_svd.h>
#include <ATen/ops/matmul.h>

#include <algorithm>

#include "fanion/linalg/svd_methods.h"

namespace fanion::linalg {
namespace {

at::Tensor start_block(const LinearOperator& A, int64_t columns, const SvdOptions& options) {
  if (!options.warm_start.defined()) return random_block(A.cols(), columns, A.options(), options);
  auto V = options.warm_start.to(A.options());
  const int64_t given = V.size(1);
  if (given >= columns) return V.narrow(1, 0, columns);
  return at::cat({V, random_block(A.cols(), columns - given, A.options(), options)}, 1);
}

}  // namespace

SvdResult subspace_svd(const LinearOperator& A, int64_t k, const SvdOptions& options) {
  const int64_t columns = std::min(k + options.oversample, std::min(A.rows(), A.cols()));
  auto W = start_block(A, columns, options);
  at::Tensor Q, R;
  for (int64_t pass = 0; pass < options.passes; ++pass) {
    Q = std::get<0>(at::linalg_qr(A.apply(W)));
    std::tie(W, R) = at::linalg_qr(A.apply_adjoint(Q));
  }
  auto [small_U, S, small_Vh] = at::linalg_svd(R.t(), /*full_matrices=*/false);
  SvdResult result{
      at::matmul(Q, small_U.narrow(1, 0, k)), S.narrow(0, 0, k), at::matmul(W, small_Vh.narrow(0, 0, k).t()), {}};
  result.report.status = SvdStatus::passes;
  result.report.message = c10::str(options.passes, " passes with ", columns, " columns");
  return result;
}

}  // namespace fanion::linalg
