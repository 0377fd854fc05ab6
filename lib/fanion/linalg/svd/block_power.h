#pragma once

#include "fanion/linalg/topk_svd.h"

namespace fanion::linalg {

/// Block power iteration from the columns of `start`, (n, b), of which the last `random` are standard Gaussian, until
/// `options.criterion` holds: the loop behind `subspace` and `randomized`.
///
/// A pass takes Q = orth(A W), Z = Aᵀ Q, Z = W R; the SVD of the small Rᵀ gives triplets with AᵀU = V S exactly, and
/// the residual A V − U S comes with the product that opens the next pass.
SvdResult block_power(const LinearOperator& A, int64_t k, const SvdOptions& options, const at::Tensor& start,
                      int64_t random);

}  // namespace fanion::linalg
