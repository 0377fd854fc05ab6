#pragma once

#include "fanion/linalg/cost_model.h"
#include "fanion/linalg/svd/inner_options.h"
#include "fanion/linalg/svd_method_traits.h"
#include "fanion/linalg/topk_svd.h"

/// One function per method, each in a file of its own name, and what those cost that have a model (cost_model.cpp). The
/// table of methods (svd_method_traits.cpp) names them; `topk_svd` checks the input and picks.
/// `options.generator` is set by then.
namespace fanion::linalg {

/// `topk_svd` of an A in easy range (scaled_operator.h), the options checked: what methods call that call others.
SvdResult solved(const LinearOperator& A, int64_t k, const InnerOptions& options);

SvdResult dense_svd(const LinearOperator& A, int64_t k, const InnerOptions& options);
/// `dense_svd` of every matrix (b, m, n), float32 or float64, the decompositions by one call.
std::vector<SvdResult> dense_batch(const at::Tensor& A, int64_t k, const SvdOptions& options);
double dense_seconds(const SvdShape& shape, const SvdCosts& costs);

SvdResult lanczos_svd(const LinearOperator& A, int64_t k, const InnerOptions& options);

SvdResult block_krylov_svd(const LinearOperator& A, int64_t k, const InnerOptions& options);
double block_krylov_seconds(const SvdShape& shape, const SvdCosts& costs);
/// Columns of a block of block_krylov where none are asked for.
int64_t krylov_block(int64_t k);
/// One pass from a start block (n, b), b ≥ k, that nearly holds the leading directions and is used up; nothing where
/// squares leave the range.
std::optional<SvdResult> one_pass_svd(const LinearOperator& A, int64_t k, at::Tensor start);

SvdResult subspace_svd(const LinearOperator& A, int64_t k, const InnerOptions& options);
double subspace_seconds(const SvdShape& shape, const SvdCosts& costs);

SvdResult randomized_svd(const LinearOperator& A, int64_t k, const InnerOptions& options);

SvdResult power_svd(const LinearOperator& A, int64_t k, const InnerOptions& options);

/// `dense`, unless a few passes of block_krylov are enough.
SvdResult tried_then_dense(const LinearOperator& A, int64_t k, const InnerOptions& options);

}  // namespace fanion::linalg
