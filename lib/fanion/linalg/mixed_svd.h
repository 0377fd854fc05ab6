#pragma once

#include "fanion/linalg/topk_svd.h"

namespace fanion::linalg {

/// The k largest triplets, most of the work done on a copy A' of A in half the size (`LinearOperator::narrowed`).
///
/// The method runs on A' with half the tolerance, or one pass less; then one pass over A itself: with V̂ from A',
/// A V̂ = Û Ŝ Wᵀ gives the triplets Û, Ŝ, V̂W of A restricted to span(V̂), and Aᵀ A V̂ their residuals. Bounds are those
/// of A', moved by ‖A − A'‖_F (Weyl), with the residuals of A. So the report speaks of A, and every criterion keeps its
/// promise: where it is not met so far, the method goes on with A itself from V̂. That is so for `rank_k` where
/// σ_k − σ_{k+1} is below ‖A − A'‖_F: choose `full` there. What A' cannot help is done in full precision at once, and
/// the message says so: tolerances below 4e-3 (float64: 1e-6), a single pass, zero and norms beyond 1e±30 (float64:
/// 1e±200). Cost: a read of A' is half a read of A; making A' takes one read of A and half a write (float64: two and
/// two). Throws where A has no narrower form: operators, float32 on accelerators, 16-bit matrices.
SvdResult mixed_svd(const LinearOperator& A, int64_t k, const SvdOptions& options);

}  // namespace fanion::linalg
