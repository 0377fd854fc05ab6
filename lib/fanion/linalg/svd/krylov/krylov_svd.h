#pragma once

#include "fanion/linalg/svd/inner_options.h"
#include "fanion/linalg/topk_svd.h"

namespace fanion::linalg {

/// How a Krylov method uses its memory.
struct KrylovPlan {
  int64_t block;       ///< columns a block
  int64_t capacity;    ///< basis vectors before a restart
  bool whole = false;  ///< the guess is a whole start block, with nothing random beside it
};

/// Whether there is nothing to do but passes: no end before the last one, no bounds that need random columns.
inline bool only_passes(const InnerOptions& options) {
  return options.criterion == SvdCriterion::passes && options.enough == 0;
}

/// Block Lanczos on AᵀA with thick restarts, until `options.criterion` holds: the loop behind `lanczos` and
/// `block_krylov`. Where squares lose what is asked for, Golub–Kahan bidiagonalisation. Works on A or Aᵀ, as a rule so
/// that V is the shorter basis.
SvdResult krylov_svd(const LinearOperator& A, int64_t k, const InnerOptions& options, const KrylovPlan& plan);

}  // namespace fanion::linalg
