#pragma once

#include "fanion/linalg/topk_svd.h"

namespace fanion::linalg {

/// A start block for fixed passes, (n, columns): orth(SᵀU) for the leading vectors U of P Pᵀ, S some rows of A and P
/// some columns of S, by two steps of block power iteration; and 0.3 of a random column's size in the last half of the
/// columns, four at most, so that what S has no part of is found as from a random start.
///
/// Where a few directions hold much of A, as in gradients and momenta, an eighth of it nearly shows them: this takes a
/// quarter of the time of a pass with as many columns, and saves one or two. S: every so manieth row, an eighth of
/// them, at most 512; P: the first 2048 of its columns. From each row of S that is much longer than S has rows only
/// half as many, of twice as many rows. The iteration has `oversample` columns more than are wanted, rounded up to 4 or
/// a multiple of 8, and S at least four times as many rows. Undefined where A does not show its rows
/// (`LinearOperator::some_rows`), has fewer than twice as many, or products with S are zero or not finite.
/// Source: row and column sampling, Drineas & Mahoney 2016 (RandNLA, Communications of the ACM 59); the rest is ours.
at::Tensor sampled_start(const LinearOperator& A, int64_t columns, const SvdOptions& options);

}  // namespace fanion::linalg
