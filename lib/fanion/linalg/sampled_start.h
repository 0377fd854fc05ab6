#pragma once

#include "fanion/linalg/topk_svd.h"

namespace fanion::linalg {

/// A start block for fixed passes, (n, columns): orth(SᵀS SᵀΩ), Ω standard normal, for S some rows of A; and 0.3 of a
/// random column's size in each of the first four columns, so that what S has no part of is found as from a random
/// start.
///
/// Where a few directions hold much of A, as in gradients and momenta, an eighth of its rows nearly show them: one and
/// a half passes over S, for less than a quarter of the time of one over A, save one or two of those. S: every so
/// manieth row, an eighth of them, at least four times `columns`, at most 512 or that. Undefined where A does not show
/// its rows (`LinearOperator::some_rows`), has fewer than twice as many, or products with S are zero or not finite.
/// Source: row sampling, Drineas & Mahoney 2016 (RandNLA, Communications of the ACM 59); the rest is ours.
at::Tensor sampled_start(const LinearOperator& A, int64_t columns, const SvdOptions& options);

}  // namespace fanion::linalg
