// The loop in nouns: basis — expand, projected problem, bounds, test, restart.
// Restart: the leading Ritz vectors and the next block are kept (Wu & Simon 1998; Baglama & Reichel 2006 for blocks).
//   The random start block, on which the probabilistic bounds rest, does not survive that; when the triplets look
//   converged after a restart, fresh random vectors join the next block. They find what the space has missed (copies
//   of multiple singular values, say), and their Krylov space brings new bounds.
// End: after a fixed number of passes, triplets with û in the span of A V instead of v̂ in that of V. They take no other
//   product, and their error is what half a pass more would leave, often a tenth.

#include "fanion/linalg/svd/krylov/krylov_loop.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/matmul.h>

#include <algorithm>

#include "fanion/linalg/random_start.h"
#include "fanion/linalg/svd/krylov/look_schedule.h"
#include "fanion/linalg/svd/standstill.h"
#include "fanion/linalg/svd/svd_methods.h"

namespace fanion::linalg {
namespace {

constexpr int64_t kMostSweeps = 5;  // a basis too small to bound what it has found will not do so later

}  // namespace

KrylovLoop::KrylovLoop(const LinearOperator& A, int64_t k, const InnerOptions& options, const KrylovPlan& plan,
                       KrylovBasis& basis)
    : A_(A),
      k_(k),
      options_(options),
      plan_(plan),
      limit_(std::min(A.rows(), A.cols())),
      basis_(basis),
      looks_(A, k, options, basis) {}

void KrylovLoop::start(const at::Tensor& guess) {
  const auto random = [&](int64_t columns) { return random_block(A_.cols(), columns, A_.options(), options_); };
  if (plan_.whole) return basis_.start(guess, random(0));
  const auto columns = mixed(guess);
  const int64_t for_bounds = options_.enough > 0 && columns.size(1) > 0 ? 0 : std::min(plan_.block, kLeastRandom);
  const int64_t more = std::min(std::max(plan_.block - columns.size(1), for_bounds), plan_.capacity - columns.size(1));
  basis_.start(columns, random(more));
}

SvdResult KrylovLoop::run(const at::Tensor& guess) {
  start(guess);
  // Few triplets may be there at once, and looks of small problems cost less than a step.
  int64_t next_look = (k_ + plan_.block) / plan_.block + (k_ < plan_.block ? 1 : 4), sweeps = 0;
  const bool fixed = options_.criterion == SvdCriterion::passes, watched = fixed && options_.enough > 0;
  // Looks that may only save passes must cost little beside the one at the end.
  const double goal = watched ? 1 : options_.tol, patience = watched ? 1 : 0.25;
  LookSchedule schedule(goal, 0, patience);
  Standstill restarts(4);
  SvdReport report;
  report.status = fixed ? SvdStatus::passes : SvdStatus::exhausted;
  Look seen;
  for (;;) {
    basis_.expand();
    ++steps_;
    const bool out_of_passes = options_.passes && steps_ >= *options_.passes;
    const bool early = (fixed && !watched) || steps_ < next_look || basis_.size() < std::min(k_ + 1, limit_);
    if (!out_of_passes && !basis_.full() && early) continue;
    seen = looks_.look();
    // True residuals do not depend on what the space may have missed; two looks for that are enough.
    const bool settled = !seen.crowded || (options_.criterion == SvdCriterion::residual && sweeps >= 2);
    const bool converged = !fixed && seen.value <= options_.tol && settled;
    // After a restart the first convergence only calls for another look with fresh random vectors.
    if (converged && (report.restarts == 0 || sweeps > 0)) report.status = SvdStatus::converged;
    const bool look_again = seen.crowded || (!fixed && basis_.full() && (converged || seen.estimate <= options_.tol));
    if (report.status == SvdStatus::converged || out_of_passes || basis_.size() == limit_ || seen.standing) break;
    if (seen.hopeless) break;
    const double unit = watched ? seen.svd.S[0] / options_.enough : 1;  // of value and estimate
    if (watched && seen.value * unit <= goal) break;
    if (look_again && sweeps == kMostSweeps && rests_on_bounds(options_.criterion)) break;
    if (basis_.full() && report.restarts == options_.max_restarts) break;
    if (basis_.full() && restarts.seen(seen.relative, seen.relative, A_.relative_rounding(seen.svd.S[0]))) break;
    if (basis_.full()) {
      restart();
      ++report.restarts;
      schedule = LookSchedule(goal, steps_, patience);
    }
    if (look_again && sweeps < kMostSweeps) {
      refresh();
      ++sweeps;
    }
    next_look = steps_ + schedule.wait(steps_, seen.value * unit, seen.estimate * unit);
  }
  hopeless_ = seen.hopeless && report.status == SvdStatus::exhausted;
  return finish(std::move(report), std::move(seen));
}

/// Half a block of random mixtures of the guess, no more than it has columns: Krylov spaces need no wide start.
at::Tensor KrylovLoop::mixed(const at::Tensor& guess) const {
  if (!guess.defined()) return at::empty({A_.cols(), 0}, A_.options());
  const int64_t columns = std::min({guess.size(1), std::max<int64_t>(plan_.block / 2, 1), plan_.capacity - 1});
  return at::matmul(guess, random_block(guess.size(1), columns, A_.options(), options_));
}

/// Random columns as many as the block has, so far as they fit.
void KrylovLoop::refresh() {
  const int64_t wanted = std::max({plan_.block, basis_.next_block(), kLeastRandom});
  const int64_t columns = std::min(wanted, basis_.room() - basis_.next_block());
  if (columns > 0) basis_.refresh(random_block(A_.cols(), columns, A_.options(), options_));
}

void KrylovLoop::restart() {
  // More than k: the extra vectors hold what is about to converge (Wu & Simon).
  const int64_t p = basis_.size(), most = plan_.capacity - basis_.next_block() - plan_.block;
  const int64_t keep = std::clamp(k_ + (p - k_) / 3, k_, std::max(k_, most));
  basis_.restart(keep);
}

SvdResult KrylovLoop::finish(SvdReport report, Look seen) {
  const int64_t p = basis_.size();
  TORCH_INTERNAL_ASSERT(p >= k_);
  if (!options_.exact && !seen.bounds.upper.defined()) looks_.add_bounds(seen);
  auto result = triplets(seen);
  report.residuals = std::move(result.report.residuals);
  report.bounds = std::move(seen.bounds);
  report.seconds = basis_.seconds();
  report.seconds.projected = looks_.seconds();
  report.message = c10::str(steps_, " steps to a basis of ", p, ", ", report.restarts, " restarts, largest residual ",
                            report.residuals.max().item<double>(), " with sigma_1 = ", result.S[0].item<double>(),
                            result.report.message);
  if (seen.standing && report.status == SvdStatus::exhausted && options_.criterion != SvdCriterion::residual)
    report.message += c10::str(": rounding in ", A_.options().dtype(), " alone leaves ", name_of(options_.criterion),
                               " ", seen.least, "; take criterion 'residual'");
  result.report = std::move(report);
  return result;
}

/// A fixed number of passes ends with a half step, where its residuals can be bounded; what another criterion has
/// seen is true of the triplets without.
SvdResult KrylovLoop::triplets(Look& seen) {
  if (options_.exact) {
    auto result = basis_.triplets(seen.svd, k_);
    if (const auto V = basis_.corrected(seen.svd, k_, options_.exact); V.defined()) {
      result.V = V;
      result.report.message = ", V corrected";
    }
    return result;
  }
  if (options_.criterion == SvdCriterion::passes && seen.bounds.upper.defined()) {
    if (auto half = basis_.half_step(seen.svd, k_)) {
      looks_.take_half_step(seen, *half);
      return std::move(half->triplets);
    }
  }
  return basis_.triplets(seen.svd, k_);
}

}  // namespace fanion::linalg
