#pragma once

#include "fanion/linalg/topk_svd.h"

namespace fanion::linalg {

/// The narrow format behind a precision other than `full`.
NarrowFormat narrow_format(SvdPrecision precision);

/// Why a narrow copy is of no use for these options, whatever A holds; null where it may be.
const char* why_full_precision(const LinearOperator& A, const SvdOptions& options);

/// The k largest triplets, most of the work done on a copy A' of A in half the size (`LinearOperator::narrowed`).
///
/// The method runs on A' with half the tolerance, or one pass less; then one pass over A itself: with V̂ from A',
/// A V̂ = Û Ŝ Wᵀ gives the triplets Û, Ŝ, V̂W of A restricted to span(V̂), and Aᵀ A V̂ their residuals. Bounds are those
/// of A', moved by ‖A − A'‖_F (Weyl), with the residuals of A. So the report speaks of A, and every criterion keeps its
/// promise: where it is not met so far, the method goes on with A itself from V̂. That is so for `rank_k` where
/// σ_k − σ_{k+1} is below ‖A − A'‖_F: choose `full` there.
///
/// Fixed passes of a Krylov method in float32 are refined: once the residuals of A' are a quarter of what rounding adds
/// to them, (1/m + 1/n)^½·‖A − A'‖_F, A is read, and the method goes on from V̂ with A' + E₁V̂ᵀ + ÛE₂ᵀ, of rank 2k more,
/// which has A's products with V̂ and Û. The error that A' leaves is squared so (to first order; relative, gap and all),
/// and again with each such round, which costs two passes.
///
/// In bfloat16 vectors are rounded too, so that products of pairs of such numbers do all the work but two passes over
/// A; nothing is known of A' then, and bounds are proved from A. Of those two, the first corrects V̂ in the Krylov space
/// (projected_correction.h); it leaves about a third of the error of rounding, 0.5 % for k = 10 of a flat 5000² matrix.
///
/// What A' cannot help is done in full precision at once, and the message says so: tolerances below 4e-3 (int8: 0.03,
/// float64: 1e-6), a single pass, method `power` (bfloat16: two passes, and every criterion but `passes`), zero and
/// norms beyond 1e±30 (float64: 1e±200); in int8 also what loses 5 % of its norm. Cost: a read of A' is half a read of
/// A, or a quarter; making A' takes one read of A and that share of a write (float64: two and two). Throws where A has
/// no narrower form: operators, float32 on accelerators, 16-bit matrices; float64 in bfloat16 and int8.
SvdResult mixed_svd(const LinearOperator& A, int64_t k, const SvdOptions& options);

}  // namespace fanion::linalg
