// Which side, which form of the basis, and from where: the loop is in krylov_loop.cpp.

#include "fanion/linalg/svd/krylov/krylov_svd.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/matmul.h>

#include <algorithm>
#include <cmath>

#include "fanion/linalg/random_start.h"
#include "fanion/linalg/svd/krylov/block_lanczos.h"
#include "fanion/linalg/svd/krylov/golub_kahan.h"
#include "fanion/linalg/svd/krylov/krylov_loop.h"
#include "fanion/linalg/svd/sampled_start.h"
#include "fanion/linalg/svd/stopwatch.h"
#include "fanion/linalg/svd/svd_methods.h"

namespace fanion::linalg {
namespace {

/// Whether the scale of A is known, or will be before its squares overflow, and their rounding is not the error that is
/// asked for.
bool squares_serve(const LinearOperator& A, const SvdOptions& options) {
  if (A.gram_reads(1) == 0 && !A.is_formed() && !A.frobenius_squared()) return false;
  switch (options.criterion) {
    case SvdCriterion::residual: return options.tol > 100 * A.eps();
    case SvdCriterion::passes:
      return A.options().dtype() == at::kFloat;  // one basis to orthogonalise, and often one read
    case SvdCriterion::rank_k:
    case SvdCriterion::lmo_gap: return true;
  }
  TORCH_INTERNAL_ASSERT(false, "a criterion that is none");
}

/// The one-sided form; nothing where its squares leave the range or lose too much, with what it has spent and found in
/// `options`, `guess` and `spent`.
std::optional<SvdResult> by_squares(const LinearOperator& A, int64_t k, InnerOptions& options, const KrylovPlan& plan,
                                    at::Tensor& guess, SvdReport& spent) {
  const auto before = A.count().reads;
  BlockLanczos basis(A, plan.capacity, *options.generator, plan.images);
  KrylovLoop krylov(A, k, options, plan, basis);
  SvdResult result;
  try {
    result = krylov.run(guess);
  } catch (const SquaresOutOfRange&) {
    const double squared = A.frobenius_squared().value_or(1);
    TORCH_CHECK_VALUE(std::isfinite(squared), "the matrix has entries that are not finite, or squares that overflow");
    if (options.passes) *options.passes = std::max<int64_t>(*options.passes - 1, 1);
    return std::nullopt;
  }
  const int64_t left = options.passes ? *options.passes - krylov.steps() : k;
  if (krylov.hopeless() && left * plan.block >= k) {  // or there would be fewer vectors than are wanted
    if (options.passes) *options.passes -= krylov.steps();
    guess = result.V;
    spent = std::move(result.report);
    return std::nullopt;
  }
  const bool affords = !options.passes || A.count().reads - before < 2 * *options.passes;
  if (options.criterion == SvdCriterion::residual && affords) {  // a read, for residuals that rounding does not blur
    const Stopwatch watch(result.report.seconds.products);
    const auto left_over = A.apply_adjoint(result.U) - result.V * result.S;
    result.report.residuals = at::linalg_vector_norm(left_over, 2, {{0}}, false, at::kDouble).to(at::kCPU);
  }
  return result;
}

/// The one-sided form, and the two-sided one where squares do not serve.
SvdResult on_side(const LinearOperator& A, int64_t k, InnerOptions options, const KrylovPlan& plan, at::Tensor guess) {
  SvdReport spent;
  if (squares_serve(A, options))
    if (auto result = by_squares(A, k, options, plan, guess, spent)) return std::move(*result);
  BlockBidiagonalisation basis(A, plan.capacity, *options.generator);
  auto result = KrylovLoop(A, k, options, plan, basis).run(guess);
  result.report.restarts += spent.restarts;
  result.report.seconds += spent.seconds;
  return result;
}

/// The guess as a whole block that may be written to, or mixtures of all its columns where the first ones would be
/// fewer than k.
at::Tensor as_block(const at::Tensor& guess, int64_t k, int64_t block, const SvdOptions& options) {
  const int64_t columns = guess.size(1);
  if (block < std::min(k, columns)) return at::matmul(guess, random_block(columns, block, guess.options(), options));
  const auto resized = resized_guess(guess, block, options);
  return resized.is_alias_of(guess) ? resized.clone() : resized;
}

/// Where V is and what it starts from.
struct Start {
  bool flipped;        ///< V is on the side of A's rows; a guess has taken a product to get there
  at::Tensor guess;    ///< of that V; undefined: random
  bool whole = false;  ///< as in KrylovPlan
};

Start start_of(const LinearOperator& A, const LinearOperator& adjoint, int64_t k, int64_t block,
               const InnerOptions& options, double& seconds) {
  // The shorter side for V, unless the longer one alone has a start, is not much longer, and the basis is small.
  const int64_t limit = std::min(A.rows(), A.cols()), longer = std::max(A.rows(), A.cols());
  const bool any_side = options.passes && longer <= 4 * limit && 4 * block * *options.passes <= limit;
  const bool wide = A.rows() < A.cols();
  if (options.warm_start.defined()) {
    // To cross over takes half a pass, which fixed passes have no use for while their basis fits the shorter side.
    const bool whole = only_passes(options), fits = options.passes && block * *options.passes <= limit;
    const bool flipped = wide && !(whole && fits) && options.passes != 1;
    const auto V = options.warm_start.to(A.options()), guess = flipped ? A.apply(V) : V;
    return {flipped, whole ? as_block(guess, k, block, options) : guess, whole};
  }
  if (options.criterion != SvdCriterion::passes || options.start == SvdStart::random) return {wide, {}};
  const Stopwatch watch(seconds);
  const auto sample = [&](bool flipped) { return sampled_start(flipped ? adjoint : A, block, options); };
  auto guess = sample(wide);
  if (guess.defined() || !any_side) return {wide, guess, guess.defined()};
  guess = sample(!wide);
  return {guess.defined() != wide, guess, guess.defined()};
}

}  // namespace

SvdResult krylov_svd(const LinearOperator& A, int64_t k, const InnerOptions& options, const KrylovPlan& wanted) {
  auto plan = wanted;
  const int64_t limit = std::min(A.rows(), A.cols());
  // A budget of passes must make room for k triplets, with one less where a guess may have to cross over.
  if (options.passes) {
    const bool crosses = options.warm_start.defined() && *options.passes > 1;
    const int64_t passes = *options.passes - (crosses ? 1 : 0);
    plan.block = std::max(plan.block, (k + passes - 1) / passes);
  }
  plan.block = std::min(plan.block, limit);
  plan.capacity = std::min(std::max({plan.capacity, k + 1, plan.block}), limit);
  const AdjointOperator adjoint(A);
  double starting = 0;
  const auto start = start_of(A, adjoint, k, plan.block, options, starting);
  plan.whole = start.whole;
  auto own = options;
  if (start.flipped && options.warm_start.defined() && own.passes) --*own.passes;
  const auto& side = start.flipped ? static_cast<const LinearOperator&>(adjoint) : A;
  std::optional<SvdResult> quick;
  const bool one_pass = plan.whole && *own.passes == 1 && !options.exact;
  if (one_pass && squares_serve(side, options)) quick = one_pass_svd(side, k, start.guess);
  if (options.exact && start.flipped)
    own.exact = [&](const at::Tensor& X, bool other) { return options.exact(X, !other); };
  auto result = quick ? std::move(*quick) : on_side(side, k, own, plan, start.guess);
  result.report.seconds.basis += starting;
  if (start.flipped) std::swap(result.U, result.V);
  return result;
}

}  // namespace fanion::linalg
