// Method: block Lanczos with thick restarts, a basis large enough that restarts are rare.
// Algorithm: krylov_svd.cpp; blocks of 8 columns, which one read of A serves: enough for probabilistic bounds that
//   cover multiple values, and narrow ones make a smaller space for the same accuracy. 6 do for k = 1.
// References: Golub & Underwood 1977; Golub, Luk & Overton 1981; Musco & Musco 2015 (why few steps suffice:
//   convergence without gaps).
// Rounding: the basis stays orthonormal to working precision. A wide block reads A seldom and multiplies fast, but its
//   space is larger for the same polynomial degree: about b times the dimension of a single vector's. Where the basis
//   takes longer than reading A, as for most sparse matrices, blocks are narrower: two columns for residuals, four
//   where bounds rest on them.
// Cost: a step is 4mnb flops and one or two reads of A, plus 4npb for the orthogonalisation against p vectors, n ≤ m.

#include <algorithm>

#include "fanion/linalg/svd/krylov/krylov_svd.h"
#include "fanion/linalg/svd/svd_bounds.h"
#include "fanion/linalg/svd/svd_methods.h"

namespace fanion::linalg {

namespace {

int64_t chosen_block(const LinearOperator& A, int64_t k, const InnerOptions& options) {
  if (!is_light(A, k, options)) return krylov_block(k);
  return rests_on_bounds(options.criterion) ? 4 : 2;
}

}  // namespace

bool is_light(const LinearOperator& A, int64_t k, const InnerOptions& options) {
  if (options.criterion == SvdCriterion::passes || A.entries() >= A.rows() * A.cols()) return false;
  const double steps = krylov_steps({.m = A.rows(),
                                     .n = A.cols(),
                                     .k = k,
                                     .criterion = options.criterion,
                                     .tol = options.tol,
                                     .warm = options.warm_start.defined()});
  const double vectors = steps * static_cast<double>(krylov_block(k));
  return static_cast<double>(A.entries()) < vectors * static_cast<double>(std::min(A.rows(), A.cols())) / 3;
}

int64_t krylov_block(int64_t k) { return k == 1 ? 6 : 8; }

SvdResult block_krylov_svd(const LinearOperator& A, int64_t k, const InnerOptions& options) {
  // All of a guess, where nothing random must be beside it.
  const int64_t guessed = options.warm_start.defined() && only_passes(options) ? options.warm_start.size(1) : 0;
  const int64_t block = options.block > 0 ? options.block : std::max(chosen_block(A, k, options), guessed);
  // As many vectors as take the memory of a quarter of A, but enough to converge in.
  const int64_t affordable = A.entries() / (4 * (A.rows() + A.cols())), enough = 100 * std::max(block, krylov_block(k));
  const int64_t basis = options.basis > 0 ? options.basis : std::max({affordable, 12 * k, enough});
  const bool images = options.passes || !is_light(A, k, options);
  return krylov_svd(A, k, options, {.block = block, .capacity = basis, .images = images});
}

}  // namespace fanion::linalg
