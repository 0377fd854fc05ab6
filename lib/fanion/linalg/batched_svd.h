#pragma once

#include <vector>

#include "fanion/linalg/topk_svd.h"

namespace fanion::linalg {

struct BatchedSvdResult {
  at::Tensor U;                    ///< (b, m, k), orthonormal columns in every matrix
  at::Tensor S;                    ///< (b, k), each row descending
  at::Tensor V;                    ///< (b, n, k), orthonormal columns in every matrix
  std::vector<SvdReport> reports;  ///< b of them
};

/// The k largest singular triplets of every matrix of a batch: A_i ≈ U_i diag(S_i) V_iᵀ.
///
/// A: (b, m, n), dtypes and devices of `topk_svd`; b = 0 gives empty results. The options are shared, except
/// `warm_start`: (b, n, j). A generator is drawn from in the order of the batch.
/// Errors: those of `topk_svd`; NaN or Inf names the first matrix that has them.
/// Cost: b times `topk_svd`. `dense` is one batched call; the other methods take one matrix after another.
BatchedSvdResult topk_svd_batch(const at::Tensor& A, int64_t k, const SvdOptions& options = {});

}  // namespace fanion::linalg
