#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <utility>
#include <vector>

#include "fanion/linalg/dense/small_matrix.h"

namespace fanion::linalg {

/// X = basis·C + Q·R with Q orthonormal and orthogonal to the basis; C and R float64 on the CPU.
struct BlockSplit {
  at::Tensor C, Q, R;
  double dropped = 0;  ///< largest direction taken for rounding and left out, relative to what it was part of
};

/// What `split` needs beside the block.
struct SplitTerms {
  int64_t local;  ///< the last basis columns, where C is large
  double scale;   ///< what X is part of: directions below 10·eps·scale are rounding
  double eps;     ///< unit roundoff of the working precision
};

/// Splits (n, b) columns at an orthonormal basis (n, p); X is overwritten. Orthogonalised twice, against the last
/// `local` columns and against all of them; once more where little of a column is left. Directions that vanish (an
/// invariant space was found) are replaced by random ones with zeros in R; no more than n − p are kept.
/// Source: Daniel, Gragg, Kaufman & Stewart 1976 (twice is enough).
BlockSplit split(const at::Tensor& basis, at::Tensor X, const SplitTerms& terms, at::Generator& generator);

/// X = Q R with orthonormal Q in X's dtype; X may be overwritten.
std::pair<at::Tensor, SmallMatrix> thin_qr(at::Tensor X);

/// X ← X − W WᵀX for an orthonormal basis W (n, p); returns WᵀX, (p, b).
SmallMatrix project_out(const at::Tensor& W, at::Tensor& X);

/// XᵀX.
SmallMatrix self_product(const at::Tensor& X);

/// Rayleigh–Ritz from the images Y = A V of orthonormal V: A ≈ U diag(S) (V W)ᵀ, U in Y's dtype. W is empty, and the
/// identity, where Y's columns are orthogonal up to rounding and fall in norm.
struct RitzTriplets {
  at::Tensor U;
  std::vector<double> S;
  SmallMatrix W;
  at::Tensor turn(const at::Tensor& X) const;  ///< X W in X's dtype
  void turn(SmallMatrix& X) const;             ///< X ← X W
};
RitzTriplets rayleigh_ritz(at::Tensor Y);

/// The largest column norm, in double so that neither 1e-30 nor 1e30 leaves the range; 0 without columns.
double largest_column(const at::Tensor& X);

}  // namespace fanion::linalg
