#pragma once

#include "fanion/linalg/topk_svd.h"

/// One function per method, each in a file of its own name; `topk_svd` checks the input and picks.
/// `options.generator` is set by then.
namespace fanion::linalg {

/// `topk_svd` of an A in easy range (scaled_operator.h), the options checked: what methods call that call others.
SvdResult solved(const LinearOperator& A, int64_t k, const SvdOptions& options);

SvdResult dense_svd(const LinearOperator& A, int64_t k, const SvdOptions& options);
SvdResult lanczos_svd(const LinearOperator& A, int64_t k, const SvdOptions& options);
SvdResult block_krylov_svd(const LinearOperator& A, int64_t k, const SvdOptions& options);
/// Columns of a block of block_krylov where none are asked for.
int64_t krylov_block(int64_t k);
/// One pass from a start block (n, b), b ≥ k, that nearly holds the leading directions and is used up; nothing where
/// squares leave the range.
std::optional<SvdResult> one_pass_svd(const LinearOperator& A, int64_t k, at::Tensor start);
SvdResult subspace_svd(const LinearOperator& A, int64_t k, const SvdOptions& options);
SvdResult randomized_svd(const LinearOperator& A, int64_t k, const SvdOptions& options);
SvdResult power_svd(const LinearOperator& A, int64_t k, const SvdOptions& options);

/// `dense`, unless a few passes of block_krylov are enough.
SvdResult tried_then_dense(const LinearOperator& A, int64_t k, const SvdOptions& options);

/// What LAPACK gives of A, (m, n) or a batch (b, m, n), cut to k triplets, and all singular values in double.
struct DenseFactors {
  at::Tensor U, S, V, all;
};
DenseFactors dense_factors(const at::Tensor& A, int64_t k);
/// The result for one matrix from them: residuals, bounds, status.
SvdResult dense_result(const LinearOperator& A, const DenseFactors& factors, const SvdOptions& options);

}  // namespace fanion::linalg
