#pragma once

#include <string_view>

#include "fanion/linalg/linear_operator.h"
#include "fanion/linalg/svd_options.h"
#include "fanion/linalg/svd_report.h"

namespace fanion::linalg {

struct SvdResult {
  at::Tensor U;  ///< (m, k), orthonormal columns
  at::Tensor S;  ///< (k,), descending
  at::Tensor V;  ///< (n, k), orthonormal columns
  SvdReport report;
};

/// The k largest singular triplets: A ≈ U diag(S) Vᵀ.
///
/// A: m × n operator, or a tensor: float32, float64, bfloat16 or float16 (products in float32), any strides and device.
/// Errors: k outside 1 … min(m, n), tol outside (0, 1), a budget below 1 or a missing one, a warm start of wrong shape,
/// NaN or Inf in a tensor A.
/// A whose norm leaves 1e-9 … 1e11 (float64: 1e-30 … 1e30) is scaled by a power of two first: a tensor in a copy, the
/// products of an operator one by one.
/// Cost: `dense` O(mn·min(m, n)); the others 2mn flops per product and what their files say.
/// Source: KyFan §3; each method's file names its own.
SvdResult topk_svd(const LinearOperator& A, int64_t k, const SvdOptions& options = {});
SvdResult topk_svd(const at::Tensor& A, int64_t k, const SvdOptions& options = {});

/// The method that `automatic` stands for: for a fixed number of passes `block_krylov` while its basis is small, and
/// `subspace` beyond that or for one pass from a guess; else `block_krylov` unless `dense` is 1.5 times cheaper by the
/// cost model (cost_model.h), on this machine's costs where it was calibrated. The model takes the spectrum for flat:
/// where it says `dense`, block_krylov first gets the passes that take a third of its time, and what converges in them
/// is returned.
SvdMethod choose_method(const LinearOperator& A, int64_t k, const SvdOptions& options);

}  // namespace fanion::linalg
