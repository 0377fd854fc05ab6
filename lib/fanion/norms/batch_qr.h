#pragma once

#include "fanion/norms/matrix_layout.h"

namespace fanion::norms {

/// Y = Q R of every matrix of a batch.
struct BatchQr {
  at::Tensor Q;  ///< (b, m, k), in Y's dtype
  at::Tensor R;  ///< (b, k, k), upper triangular, float64
};

/// Y = Q R by Cholesky factors of YᵀY in float64, once for float32 and three times for float64: by products and small
/// triangular solves alone, none of which looks at a value on the host, and one sum a time where blocks of Y's rows lie
/// elsewhere. `rows`: how many there are in all.
///
/// Y: (b, m, k), float32 or float64; the squares of its columns lie within float64. Columns of Q are orthonormal up to
/// k√m roundings, but for those that Y's earlier columns span up to rounding: they are zero, or rounding of any length
/// up to 1. Zeros give zeros: a small multiple of the diagonal is added to it, so that a factor always exists.
/// Cost: 4mk² flops and two reads of Y a time.
/// Source: Yamazaki, Tomov & Dongarra 2015 (twice the precision); Fukaya et al. 2020 (the shift, three times).
BatchQr batch_qr(const at::Tensor& Y, int64_t rows, const MatrixLayout::Sum& sum = {});

}  // namespace fanion::norms
