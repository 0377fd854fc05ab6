#pragma once

#include "fanion/linalg/topk_svd.h"

namespace fanion::linalg {

/// How a Krylov method uses its memory.
struct KrylovPlan {
  int64_t block;     ///< columns a block
  int64_t capacity;  ///< basis vectors before a restart
};

/// Block Golub–Kahan with thick restarts, until `options.criterion` holds: the loop behind `lanczos` and
/// `block_krylov`. Works on A or Aᵀ, so that V is the shorter basis.
SvdResult krylov_svd(const LinearOperator& A, int64_t k, const SvdOptions& options, const KrylovPlan& plan);

}  // namespace fanion::linalg
