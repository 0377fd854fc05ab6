#pragma once

#include "fanion/norms/matrix_layout.h"
#include "fanion/norms/singular.h"

namespace fanion::norms {

/// U (b, m, k), S (b, k) descending, V (b, n, k).
struct BatchTriplets {
  at::Tensor U, S, V;
};

/// Whether triplets are found for a batch at once: by passes from a warm start, or by a dense SVD.
bool found_in_batches(const TripletOptions& options, const at::Tensor* warm);

/// Whether by passes, as blocks of spread matrices need.
inline bool found_in_passes(const TripletOptions& options) { return options.method == linalg::SvdMethod::subspace; }

/// M in the precision that rules compute in: float64 stays, everything else becomes float32.
at::Tensor working_batch(const at::Tensor& M);

/// A batch as passes take it: its matrices over their `size` (b, 1, 1), which keeps squares of float64 in the range;
/// undefined where they stay as they are.
struct SizedBatch {
  at::Tensor X, size;
};
/// float32 stays, whose squares are taken in float64. A size is the largest entry, or up to as many times that as there
/// are blocks; of replicas the mean of their own, at least the largest entry of the mean.
SizedBatch sized_batch(const at::Tensor& M, const MatrixLayout* layout);

/// warm ← V, but for the columns whose S is rounding beside the largest: they say nothing about the next matrix.
void keep_where_null_(const at::Tensor& warm, const at::Tensor& V, const at::Tensor& S, int64_t m, int64_t n);

/// The k largest triplets of every matrix of M (b, m, n), those of `triplets` up to rounding. Passes are batched
/// products, Cholesky QR and small Jacobi SVDs (batch_qr.h, jacobi_svd.h): nothing in there looks at a value on the
/// host; a dense SVD does, on an accelerator. `warm` as for `triplets`, (b, n, columns); a column for which M has no
/// singular value keeps what it had. For what is `found_in_batches`.
///
/// With a `layout` M, U, V and `warm` are this process's blocks, and S the whole matrix's; passes take 4 sums each.
/// Throws for a dense SVD of spread matrices.
BatchTriplets batch_triplets(const at::Tensor& M, int64_t k, const TripletOptions& options, at::Tensor* warm = nullptr,
                             const MatrixLayout* layout = nullptr);

/// −UVᵀ of them, without the columns of `flattened_triplets`.
LowRankTerm flattened_batch_triplets(const at::Tensor& M, int64_t k, const TripletOptions& options,
                                     at::Tensor* warm = nullptr, const MatrixLayout* layout = nullptr);

}  // namespace fanion::norms
