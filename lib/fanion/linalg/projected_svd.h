#pragma once

#include <ATen/core/Tensor.h>

namespace fanion::linalg {

/// SVD of the small projected matrix, B = P diag(S) Qᵀ, on the CPU in float64.
struct ProjectedSvd {
  at::Tensor P, S, Q;  ///< (p, j), (p,) descending, (p, p)
};

/// Values and right vectors through the eigenvectors of BᵀB, which takes a third of the time of an SVD and loses values
/// below 1e-8·σ₁ (with `in_float`, a look that takes half of that time again, 3e-4·σ₁); P is undefined.
ProjectedSvd right_vectors(const at::Tensor& B, bool in_float);

/// All of B's SVD, with `columns` columns of P.
ProjectedSvd full_svd(const at::Tensor& B, int64_t columns);

/// Rayleigh–Ritz for B on the first `columns` vectors of `Q`: P, S and Q with `columns` columns, orthonormal to 1e-15.
ProjectedSvd refined(const at::Tensor& B, const at::Tensor& Q, int64_t columns);

}  // namespace fanion::linalg
