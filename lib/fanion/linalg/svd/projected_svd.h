#pragma once

#include <vector>

#include "fanion/linalg/dense/small_matrix.h"

namespace fanion::linalg {

/// SVD of the small projected matrix, B = P diag(S) Qᵀ.
struct ProjectedSvd {
  at::Tensor P;           ///< (p, j) float64 on the CPU
  std::vector<double> S;  ///< p of them, descending
  SmallMatrix Q;          ///< (p, p)
  bool rough = false;     ///< found in float32: Q is orthonormal to its rounding only
};

/// Values √θ and vectors of T = BᵀB, whose upper triangle is read; P is undefined. Values below 1e-8·σ₁ are lost; above
/// `kSmallProblem` columns of a float32 problem the eigenvectors are found in float32 (half the time) and values below
/// 3e-4·σ₁ are lost.
ProjectedSvd from_gram(const SmallMatrix& T, bool in_float);
constexpr int64_t kSmallProblem = 96;

/// All of B's SVD, with `columns` columns of P.
ProjectedSvd full_svd(const at::Tensor& B, int64_t columns);

/// Rayleigh–Ritz for B on the first `columns` vectors of `Q`: P, S and Q with `columns` columns, orthonormal to 1e-15.
ProjectedSvd refined(const at::Tensor& B, const SmallMatrix& Q, int64_t columns);

}  // namespace fanion::linalg
