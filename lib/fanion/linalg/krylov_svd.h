#pragma once

#include "fanion/linalg/topk_svd.h"

namespace fanion::linalg {

/// How a Krylov method uses its memory.
struct KrylovPlan {
  int64_t block;         ///< columns a block
  int64_t capacity;      ///< basis vectors before a restart
  bool sampled = false;  ///< the guess is a whole start block, of sampled_start.h
};

/// Block Golub–Kahan with thick restarts, until `options.criterion` holds: the loop behind `lanczos` and
/// `block_krylov`. Works on A or Aᵀ, as a rule so that V is the shorter basis.
SvdResult krylov_svd(const LinearOperator& A, int64_t k, const SvdOptions& options, const KrylovPlan& plan);

}  // namespace fanion::linalg
