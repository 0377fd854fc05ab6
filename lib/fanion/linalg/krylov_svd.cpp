// The loop in nouns: basis — expand, projected problem, bounds, test, restart.
// Restart: the leading Ritz vectors and the next block are kept (Wu & Simon 1998; Baglama & Reichel 2006 for blocks).
//   The random start block, on which the probabilistic bounds rest, does not survive that; when the triplets look
//   converged after a restart, fresh random vectors join the next block. They find what the space has missed (copies
//   of multiple singular values, say), and their Krylov space brings new bounds.

#include "fanion/linalg/krylov_svd.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/minimum.h>

#include <algorithm>
#include <cmath>

#include "fanion/linalg/block_lanczos.h"
#include "fanion/linalg/golub_kahan.h"
#include "fanion/linalg/look_schedule.h"
#include "fanion/linalg/projected_svd.h"
#include "fanion/linalg/stopwatch.h"
#include "fanion/linalg/svd_bounds.h"
#include "fanion/linalg/svd_methods.h"

namespace fanion::linalg {
namespace {

constexpr int64_t kMostSweeps = 5;  // a basis too small to bound what it has found will not do so later

/// What one look at the projected problem tells.
struct Look {
  ProjectedSvd svd;
  SvdBounds bounds;
  double value = 0;       ///< of the criterion, to compare with tol
  double estimate = 0;    ///< the same with σ_{k+1} taken from its Ritz value; no bound
  bool tied = false;      ///< σ_k and σ_{k+1} agree to working precision: no rank-k matrix to converge to
  bool crowded = false;   ///< more values agree than the random block can tell apart
  bool hopeless = false;  ///< rounding of this basis alone keeps the residuals above tol
};

class Krylov {
 public:
  Krylov(const LinearOperator& A, int64_t k, const SvdOptions& options, const KrylovPlan& plan, KrylovBasis& basis)
      : A_(A), k_(k), options_(options), plan_(plan), limit_(std::min(A.rows(), A.cols())), basis_(basis) {
    forget_random_bounds();
    proved_ = random_;
    if (const auto squared = A.frobenius_squared()) frobenius_squared_ = *squared;
  }

  SvdResult run(const at::Tensor& guess) {
    const auto start = mixed(guess);
    const int64_t random = std::min(std::max(plan_.block - start.size(1), std::min(plan_.block, kLeastRandom)),
                                    plan_.capacity - start.size(1));
    basis_.start(start, random_block(A_.cols(), random, A_.options(), options_));
    int64_t steps = 0, next_look = (k_ + plan_.block) / plan_.block + 4, sweeps = 0;
    LookSchedule schedule(options_.tol, 0);
    SvdReport report;
    report.status = options_.criterion == SvdCriterion::passes ? SvdStatus::passes : SvdStatus::exhausted;
    Look seen;
    for (;;) {
      basis_.expand();
      ++steps;
      const bool out_of_passes = options_.passes && steps >= *options_.passes;
      const bool fixed = options_.criterion == SvdCriterion::passes;
      const bool early = fixed || steps < next_look || basis_.size() < std::min(k_ + 1, limit_);
      if (!out_of_passes && !basis_.full() && early) continue;
      seen = look();
      // True residuals do not depend on what the space may have missed; two looks for that are enough.
      const bool settled = !seen.crowded || (options_.criterion == SvdCriterion::residual && sweeps >= 2);
      const bool converged = !fixed && seen.value <= options_.tol && settled;
      // After a restart the first convergence only calls for another look with fresh random vectors.
      if (converged && (report.restarts == 0 || sweeps > 0)) report.status = SvdStatus::converged;
      const bool look_again = seen.crowded || (!fixed && basis_.full() && (converged || seen.estimate <= options_.tol));
      if (report.status == SvdStatus::converged || out_of_passes || basis_.size() == limit_ || seen.tied) break;
      if (seen.hopeless) break;
      const bool certify = options_.criterion == SvdCriterion::rank_k || options_.criterion == SvdCriterion::lmo_gap;
      if (look_again && sweeps == kMostSweeps && certify) break;
      if (basis_.full() && report.restarts == options_.max_restarts) break;
      if (basis_.full()) {
        restart();
        ++report.restarts;
        schedule = LookSchedule(options_.tol, steps);
      }
      if (look_again && sweeps < kMostSweeps) {
        refresh();
        ++sweeps;
      }
      next_look = steps + schedule.wait(steps, seen.value, seen.estimate);
    }
    steps_ = steps;
    hopeless_ = seen.hopeless && report.status == SvdStatus::exhausted;
    return finish(std::move(report), std::move(seen), steps);
  }

  int64_t steps() const { return steps_; }
  /// Whether the run ended because this form of the basis cannot reach tol.
  bool hopeless() const { return hopeless_; }

 private:
  /// Half a block of random mixtures of the guess, no more than it has columns: Krylov spaces need no wide start.
  at::Tensor mixed(const at::Tensor& guess) const {
    if (!guess.defined()) return at::empty({A_.cols(), 0}, A_.options());
    const int64_t columns = std::min({guess.size(1), std::max<int64_t>(plan_.block / 2, 1), plan_.capacity - 1});
    return at::matmul(guess, random_block(guess.size(1), columns, A_.options(), options_));
  }

  /// Random columns as many as the block has, so far as they fit.
  void refresh() {
    const int64_t wanted = std::max({plan_.block, basis_.next_block(), kLeastRandom});
    const int64_t columns = std::min(wanted, basis_.room() - basis_.next_block());
    if (columns > 0) basis_.refresh(random_block(A_.cols(), columns, A_.options(), options_));
  }

  Look look() {
    const Stopwatch watch(seconds_.projected);
    Look seen;
    const int64_t p = basis_.size(), count = std::min(k_ + 1, p);
    seen.svd = basis_.projected(count);
    const auto residual = eigen_residual(seen.svd);
    const auto S = to_doubles(seen.svd.S), r = to_doubles(residual);
    double worst = 0, largest = 0;
    for (int64_t i = 0; i < std::min(k_, count); ++i) {
      worst = std::max(worst, basis_.residual(r[i], S[i], S[0]));
      largest = std::max(largest, r[i]);
    }
    const double relative = S[0] > 0 ? worst / S[0] : 0;
    const double floor = 16 * basis_.eps() * S[0] * S[0];
    seen.tied = options_.criterion == SvdCriterion::rank_k && count == k_ + 1 && std::max(largest, r[k_]) <= floor &&
                S[k_ - 1] * S[k_ - 1] - S[k_] * S[k_] <= floor;
    seen.hopeless = options_.criterion == SvdCriterion::residual && count >= k_ && S[0] > 0 &&
                    basis_.residual(0, S[k_ - 1], S[0]) > options_.tol / 2 * S[0];
    seen.crowded = crowded(S, r, count);
    seen.value = seen.estimate = relative;
    if (count < std::min(k_ + 1, limit_)) seen.value = seen.estimate = std::numeric_limits<double>::infinity();
    if (options_.criterion == SvdCriterion::residual || options_.criterion == SvdCriterion::passes) return seen;

    seen.bounds = bounds(seen.svd, residual, seen.crowded);
    seen.value = criterion_value(options_.criterion, seen.bounds, relative);
    const bool ranked = options_.criterion == SvdCriterion::rank_k;
    EigenvalueBounds guess{{}, BoundKind::probabilistic};
    for (int64_t i = 0; i <= k_; ++i)
      guess.upper.push_back(i < count ? S[i] * S[i] + (i < k_ && ranked ? 0.0 : r[i]) : 0.0);
    seen.estimate = criterion_value(options_.criterion, bounds_from(seen.svd, residual, guess), relative);
    return seen;
  }

  /// ‖AᵀAv̂ᵢ − θᵢv̂ᵢ‖ for i ≤ min(k + 1, p).
  at::Tensor eigen_residual(const ProjectedSvd& svd) const {
    const auto& C = basis_.coupling();
    const int64_t p = basis_.size();
    const auto last = svd.Q.narrow(0, p - C.size(1), C.size(1)).narrow(1, 0, std::min(k_ + 1, p));
    return at::linalg_vector_norm(at::matmul(C, last), 2, {{0}});
  }

  /// Whether a group of close Ritz values is as large as the bounds' random block allows, or larger.
  bool crowded(const std::vector<double>& S, const std::vector<double>& r, int64_t count) const {
    const auto random = basis_.random_coordinates();
    if (!random.defined() || basis_.size() == limit_) return false;
    const int64_t most = std::max<int64_t>(most_alike(random.size(1)), 1);
    for (int64_t i = 0, first = 0; i < count && S[i] > 1e-3 * S[0]; ++i) {
      const double width = kAlike * S[i] * S[i] + r[i];
      while (S[first] * S[first] - S[i] * S[i] > width) ++first;
      if (i - first + 1 > most && r[i] <= kAlike * S[i] * S[i]) return true;
    }
    return false;
  }

  SvdBounds bounds_from(const ProjectedSvd& svd, const at::Tensor& residual, const EigenvalueBounds& upper) const {
    auto theta = to_doubles(svd.S), r = to_doubles(residual);
    for (auto& each : theta) each *= each;
    theta.resize(std::max<int64_t>(theta.size(), k_), 0.0);
    r.resize(k_, std::numeric_limits<double>::infinity());
    return svd_bounds(theta, r, upper, basis_.relation_error());
  }

  /// Bounds from everything seen so far: an upper bound, once found, stays one. A crowd of equal values voids what the
  /// random block has told.
  SvdBounds bounds(const ProjectedSvd& svd, const at::Tensor& residual, bool crowd) {
    const LanczosRelation relation{.theta = svd.S.square(),
                                   .vectors = svd.Q,
                                   .coupling = basis_.coupling(),
                                   .start = crowd ? at::Tensor() : basis_.random_coordinates(),
                                   .limit = limit_,
                                   .frobenius_squared = frobenius_squared_,
                                   .eps = basis_.relation_error()};
    if (crowd) forget_random_bounds();
    const auto keep_smaller = [](std::vector<double>& best, const std::vector<double>& fresh) {
      for (std::size_t i = 0; i < best.size(); ++i) best[i] = std::min(best[i], fresh[i]);
    };
    keep_smaller(proved_, proved_bounds(relation, k_));
    keep_smaller(random_, random_bounds(relation, k_));
    return bounds_from(svd, residual, tightest(proved_, random_, unseen(relation)));
  }

  void forget_random_bounds() { random_.assign(k_ + 1, std::numeric_limits<double>::infinity()); }

  void restart() {
    // More than k: the extra vectors hold what is about to converge (Wu & Simon).
    const int64_t p = basis_.size(), most = plan_.capacity - basis_.next_block() - plan_.block;
    const int64_t keep = std::clamp(k_ + (p - k_) / 3, k_, std::max(k_, most));
    basis_.restart(keep);
  }

  SvdResult finish(SvdReport report, Look seen, int64_t steps) {
    const int64_t p = basis_.size();
    TORCH_INTERNAL_ASSERT(p >= k_);
    if (!seen.bounds.upper.defined()) {
      const Stopwatch watch(seconds_.projected);
      seen.bounds = bounds(seen.svd, eigen_residual(seen.svd), seen.crowded);
    }
    auto result = basis_.triplets(seen.svd, k_);
    report.residuals = std::move(result.report.residuals);
    report.bounds = std::move(seen.bounds);
    report.seconds = basis_.seconds();
    report.seconds.projected = seconds_.projected;
    report.message = c10::str(steps, " steps to a basis of ", p, ", ", report.restarts, " restarts, largest residual ",
                              report.residuals.max().item<double>(), " with sigma_1 = ", result.S[0].item<double>());
    result.report = std::move(report);
    return result;
  }

  const LinearOperator& A_;
  int64_t k_;
  SvdOptions options_;
  KrylovPlan plan_;
  int64_t limit_;
  KrylovBasis& basis_;
  int64_t steps_ = 0;
  bool hopeless_ = false;
  double frobenius_squared_ = -1;
  std::vector<double> proved_, random_;  ///< upper bounds of λ₁ … λ_{k+1}
  SvdSeconds seconds_;
};

/// Whether AᵀA can be worked with: its entries are in range, and its rounding is not the error that is asked for.
bool squares_serve(const LinearOperator& A, const SvdOptions& options) {
  const auto squared = A.frobenius_squared();
  const double range = A.options().dtype() == at::kDouble ? 1e120 : 1e24;
  if (!squared || !(*squared > 1 / range && *squared < range)) return false;
  return options.criterion != SvdCriterion::residual || options.tol > 100 * A.eps();
}

/// The one-sided form, and the two-sided one where squares lose too much.
SvdResult on_tall(const LinearOperator& A, int64_t k, const SvdOptions& given, const KrylovPlan& plan,
                  at::Tensor guess) {
  auto options = given;
  SvdReport spent;
  if (squares_serve(A, options)) {
    BlockLanczos basis(A, plan.capacity, *options.generator);
    Krylov krylov(A, k, options, plan, basis);
    auto result = krylov.run(guess);
    if (!krylov.hopeless()) {
      if (options.criterion == SvdCriterion::residual) {  // one read more, for residuals that rounding does not blur
        const Stopwatch watch(result.report.seconds.products);
        const auto left_over = A.apply_adjoint(result.U) - result.V * result.S;
        result.report.residuals = at::linalg_vector_norm(left_over, 2, {{0}}, false, at::kDouble).to(at::kCPU);
      }
      return result;
    }
    if (options.passes && *options.passes <= krylov.steps()) return result;
    if (options.passes) *options.passes -= krylov.steps();
    guess = result.V;
    spent = std::move(result.report);
  }
  BlockBidiagonalisation basis(A, plan.capacity, *options.generator);
  auto result = Krylov(A, k, options, plan, basis).run(guess);
  result.report.restarts += spent.restarts;
  result.report.seconds += spent.seconds;
  return result;
}

}  // namespace

SvdResult krylov_svd(const LinearOperator& A, int64_t k, const SvdOptions& options, const KrylovPlan& wanted) {
  auto plan = wanted;
  const int64_t limit = std::min(A.rows(), A.cols());
  // A budget of passes must make room for k triplets.
  if (options.passes) plan.block = std::max(plan.block, (k + *options.passes - 1) / *options.passes);
  plan.block = std::min(plan.block, limit);
  plan.capacity = std::min(std::max({plan.capacity, k + 1, plan.block}), limit);
  // The shorter side for V.
  const AdjointOperator adjoint(A);
  const bool flip = A.rows() < A.cols();
  const auto& tall = flip ? static_cast<const LinearOperator&>(adjoint) : A;
  auto guess = options.warm_start;
  if (guess.defined()) {
    guess = guess.to(A.options());
    if (flip) guess = A.apply(guess);
  }
  auto result = on_tall(tall, k, options, plan, guess);
  if (flip) std::swap(result.U, result.V);
  return result;
}

}  // namespace fanion::linalg
