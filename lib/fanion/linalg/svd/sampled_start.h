#pragma once

#include "fanion/linalg/topk_svd.h"

namespace fanion::linalg {

/// A start block for fixed passes, (n, columns): SᵀU for the leading vectors U of P Pᵀ, S some rows of A and P some
/// columns of S, by two steps of block power iteration; columns of about one length, not orthonormal. The last half of
/// them, four at most, have 0.3 of a random column of that length added, so that what S has no part of is found as from
/// a random start.
///
/// Where a few directions hold much of A, as in gradients and momenta, an eighth of it nearly shows them: this takes a
/// quarter to a half of the time of a pass with as many columns (three quarters for 768 × 768), and saves one or two.
/// S: every so manieth row, an eighth of them, at most 512; P: the first 2048 of its columns. From rows that are very
/// long beside their number P takes half, of twice as many. The iteration has `oversample` columns more than are
/// wanted, rounded up to a multiple of 4, and S at least four times as many rows. Undefined where A does not show its
/// rows (`LinearOperator::some_rows`), has fewer than twice as many, or products with S are zero or not finite.
/// Source: row and column sampling, Drineas & Mahoney 2016 (RandNLA, Communications of the ACM 59); the rest is ours.
at::Tensor sampled_start(const LinearOperator& A, int64_t columns, const SvdOptions& options);

}  // namespace fanion::linalg
