#pragma once

#include "fanion/norms/singular.h"

namespace fanion::norms {

/// U (b, m, k), S (b, k) descending, V (b, n, k).
struct BatchTriplets {
  at::Tensor U, S, V;
};

/// Whether triplets are found for a batch at once: by passes from a warm start, or by a dense SVD.
bool found_in_batches(const TripletOptions& options, const at::Tensor* warm);

/// The k largest triplets of every matrix of M (b, m, n), those of `triplets` up to rounding, by batched products, QRs
/// and small SVDs; nothing in here looks at a value on the host. `warm` as for `triplets`, (b, n, columns). For what is
/// `found_in_batches`.
BatchTriplets batch_triplets(const at::Tensor& M, int64_t k, const TripletOptions& options, at::Tensor* warm = nullptr);

/// −UVᵀ of them, without the columns of `flattened_triplets`.
LowRankTerm flattened_batch_triplets(const at::Tensor& M, int64_t k, const TripletOptions& options,
                                     at::Tensor* warm = nullptr);

}  // namespace fanion::norms
