#pragma once

#include "fanion/linalg/svd/inner_options.h"
#include "fanion/linalg/topk_svd.h"

namespace fanion::linalg {

/// How a Krylov method uses its memory.
struct KrylovPlan {
  int64_t block;       ///< columns a block
  int64_t capacity;    ///< basis vectors before a restart
  bool whole = false;  ///< the guess is a whole start block, with nothing random beside it
  /// A V is kept with V. Where reading A is cheap, one more product at the end takes less than keeping it.
  bool images = true;
};

/// Whether there is nothing to do but passes: no end before the last one, no bounds that need random columns.
inline bool only_passes(const InnerOptions& options) {
  return options.criterion == SvdCriterion::passes && options.enough == 0;
}

/// Whether to orthogonalise p vectors of the shorter side, those of a wide block, takes longer than the reads of A that
/// a narrow one needs beside its own: nnz < p·min(m, n)/3. The third is an estimate from a few timings in float64 on a
/// busy Zen 4: half as many vectors save 0.75·p²/2 multiplications of 0.23 ns an element, twice as many reads cost p/8
/// times 2.2 ns an entry. A matrix with all its entries is never light: its products take a tenth of that. Nor is any
/// for fixed passes, where the block is part of what was asked for.
bool is_light(const LinearOperator& A, int64_t k, const InnerOptions& options);

/// Block Lanczos on AᵀA with thick restarts, until `options.criterion` holds: the loop behind `lanczos` and
/// `block_krylov`. Where squares lose what is asked for, Golub–Kahan bidiagonalisation. Works on A or Aᵀ, as a rule so
/// that V is the shorter basis.
SvdResult krylov_svd(const LinearOperator& A, int64_t k, const InnerOptions& options, const KrylovPlan& plan);

}  // namespace fanion::linalg
