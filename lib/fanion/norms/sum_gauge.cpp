#include "fanion/norms/sum_gauge.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/linalg_solve.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>

#include "fanion/kernels/sum_of_squares.h"
#include "fanion/norms/nearest_points.h"

namespace fanion::norms {
namespace {

constexpr double kRelaxation = 1.8;  // of 0 … 2; on random sums 1 took half as many iterations again
constexpr int64_t kLook = 5;         // iterations from one computation of the bounds to the next
constexpr int64_t kFirstBalance =
    20;                              // the iteration where the step is first set; again at 1.5 times as many, and so on
constexpr std::size_t kMemory = 10;  // iterations Anderson acceleration looks back on
// Plain steps after Anderson acceleration went wrong, and how many more each time that it leads nowhere, up to a most:
// by trial on random sums of two and three norms.
constexpr int64_t kPlainSteps = 2, kMorePlainSteps = 5, kMostPlainSteps = 40;
constexpr double kLargestWeight = 1e4;  // norm of its weights: beyond, the steps it combines are parallel to rounding
constexpr double kProxAccuracy = 1e-9;  // of the equation for the radius: far below any useful gap

double number(const at::Tensor& x) { return x.item<double>(); }
double size_of(const at::Tensor& X) { return number(at::linalg_vector_norm(X)); }

class Splitting {
 public:
  Splitting(const std::vector<WeightedNorm>& parts, const at::Tensor& X)
      : parts_(parts), X_(X), count_(static_cast<double>(parts.size())), dual_of_X_(dual(X)), step_(0.1 * dual_of_X_) {
    radius_ = number(X.square().sum()) / dual_of_X_;
    found_ = {radius_, std::numeric_limits<double>::infinity(), 0, false, X, {}};
    improve_upper(with_rest(at::zeros_like(stacked(X))));
    W_ = stacked(X / count_);
  }

  void iterate() {
    const auto Z = W_ - (W_.sum(0) - X_) / count_;
    const auto V = 2 * Z - W_;
    const auto Q = nearest(V);
    W_ = accelerated(W_ + kRelaxation * (Q - Z));
    const auto Y = (V - Q).mean(0) / step_;
    ++found_.iterations;
    if (found_.iterations % kLook == 1) look(Z, Q, Y);
    if (found_.iterations == next_balance_) balance(Q, Y);
  }

  const Gauge& found() const { return found_; }

 private:
  double dual(const at::Tensor& Y) const {
    double sum = 0;
    for (const auto& [weight, norm] : parts_) sum += weight * number(norm->dual(Y));
    return sum;
  }
  /// max_i ‖Z_i‖_i/w_i.
  double largest_value(const at::Tensor& Z) const {
    double largest = 0;
    for (std::size_t i = 0; i < parts_.size(); ++i)
      largest = std::max(largest, number(parts_[i].norm->value(Z[static_cast<int64_t>(i)])) / parts_[i].weight);
    return largest;
  }

  /// The prox of step·max_i ‖·‖_i/w_i at V: the points of the balls w_i t B_i nearest to V_i at the radius t where
  /// Σ w_i ‖V_i − Q_i‖_i† is the step, found by false position with every third step a bisection, from the last radius.
  at::Tensor nearest(const at::Tensor& V) {
    std::vector<std::unique_ptr<NearestPoints>> points;
    double largest = 0;
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      points.push_back(nearest_points(parts_[i].weight, *parts_[i].norm, V[static_cast<int64_t>(i)]));
      largest = std::max(largest, points.back()->value());
    }
    const auto pull = [&](double t) {
      double sum = 0;
      for (const auto& each : points) sum += each->dual_of_rest(t);
      return sum;
    };
    double low = 0, high = largest, pull_low = -1, pull_high = 0;  // pull_low < 0: not computed
    double t = std::min(radius_, high);
    for (int64_t trial = 1;; ++trial) {
      const double now = pull(t);
      if (std::abs(now - step_) <= kProxAccuracy * step_) break;
      if (now > step_)
        low = t, pull_low = now;
      else
        high = t, pull_high = now;
      if (high - low <= 1e-15 * largest) break;  // to rounding of V
      const double share = trial % 3 == 0 || pull_low < 0 ? 0.5 : (pull_low - step_) / (pull_low - pull_high);
      t = low + share * (high - low);
    }
    radius_ = t;
    std::vector<at::Tensor> Q;
    for (const auto& each : points) Q.push_back(each->point(t));
    return at::stack(Q);
  }

  void look(const at::Tensor& Z, const at::Tensor& Q, const at::Tensor& Y) {
    improve_upper(Z);
    improve_upper(with_rest(Q));
    const double dual_of_Y = dual(Y), bound = dual_of_Y > 0 ? number((X_ * Y).sum()) / dual_of_Y : 0;
    if (bound > found_.lower) found_.lower = bound, found_.Y = Y;
  }
  void improve_upper(const at::Tensor& Z) {
    const double bound = largest_value(Z);
    if (bound < found_.upper) found_.upper = bound, found_.Z = Z;
  }

  at::Tensor stacked(const at::Tensor& X) const { return at::stack(std::vector<at::Tensor>(parts_.size(), X)); }
  /// Q with X − Σ Q_i added to the part that needs the least for it.
  at::Tensor with_rest(const at::Tensor& points) const {
    auto Q = points.clone();
    const auto rest = X_ - Q.sum(0);
    int64_t best = 0;
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      const double value = number(parts_[i].norm->value(rest)) / parts_[i].weight;
      if (value < least) least = value, best = static_cast<int64_t>(i);
    }
    Q[best] += rest;
    return Q;
  }

  /// Sets the step to the ratio of how far primal and dual have come from the start, the one the bound on the
  /// iterations asks for; it settles as they do.
  void balance(const at::Tensor& Q, const at::Tensor& Y) {
    next_balance_ += next_balance_ / 2;
    const double primal = size_of(Q - X_ / count_), dual = size_of(Y - X_ / dual_of_X_) * std::sqrt(count_);
    if (!(primal > 1e-6 && dual * dual_of_X_ > 1e-6)) return;  // one has hardly moved: nothing to learn
    W_ += (W_.sum(0) - X_) / count_ * (primal / dual / step_ - 1);
    step_ = primal / dual;
    forget();
    residual_of_last_return_ = std::numeric_limits<double>::infinity();
  }

  /// Anderson acceleration (Walker & Ni 2011, type II) of W ← next: the combination of the last steps whose
  /// residuals cancel best. Where the residual doubles, it goes back to the plain step from the best point and takes a
  /// few more; where that is no better than the point it went back to before, it would go the same way for ever, so it
  /// takes more of them each time.
  at::Tensor accelerated(const at::Tensor& next) {
    const auto residual = next - W_;
    const double size = size_of(residual);
    if (size > 2 * least_residual_) {
      const bool came_nearer = least_residual_ < 0.99 * residual_of_last_return_;
      residual_of_last_return_ = least_residual_;
      forget();
      plain_steps_ = came_nearer ? kPlainSteps : next_plain_steps_;
      next_plain_steps_ =
          came_nearer ? kMorePlainSteps : std::min(next_plain_steps_ + kMorePlainSteps, kMostPlainSteps);
      return best_next_;
    }
    if (size < least_residual_) least_residual_ = size, best_next_ = next;
    if (plain_steps_ > 0) {
      --plain_steps_;
      return next;
    }
    if (last_next_.defined()) {
      steps_.push_back((next - last_next_).flatten());
      residual_steps_.push_back((residual - last_residual_).flatten());
      if (steps_.size() > kMemory) steps_.pop_front(), residual_steps_.pop_front();
    }
    last_next_ = next, last_residual_ = residual;
    if (steps_.empty()) return next;
    const auto R = at::stack(std::vector<at::Tensor>(residual_steps_.begin(), residual_steps_.end()));
    auto gram = at::matmul(R, R.t());
    gram.diagonal().add_(1e-10 * gram.trace());  // steps that are nearly parallel
    if (!(number(gram.trace()) > 0)) return next;
    const auto weights = at::linalg_solve(gram, at::matmul(R, residual.flatten()));
    if (!(size_of(weights) < kLargestWeight)) {
      forget();
      return next;
    }
    const auto steps = at::stack(std::vector<at::Tensor>(steps_.begin(), steps_.end()));
    return next - at::matmul(weights, steps).view_as(next);
  }
  void forget() {
    steps_.clear(), residual_steps_.clear();
    last_next_ = at::Tensor();
    least_residual_ = std::numeric_limits<double>::infinity();
  }

  const std::vector<WeightedNorm>& parts_;
  at::Tensor X_;
  double count_;
  double dual_of_X_, step_;
  double radius_;
  Gauge found_;
  at::Tensor W_;  // (parts, m, n), whose projection onto {Σ Z_i = X} converges to the decomposition
  int64_t next_balance_ = kFirstBalance;
  int64_t plain_steps_ = 0, next_plain_steps_ = kMorePlainSteps;
  double residual_of_last_return_ = std::numeric_limits<double>::infinity();
  std::deque<at::Tensor> steps_, residual_steps_;
  at::Tensor last_next_, last_residual_, best_next_;
  double least_residual_ = std::numeric_limits<double>::infinity();
};

}  // namespace

void check(const GaugeOptions& options) {
  TORCH_CHECK_VALUE(options.tol > 0 && options.max_iterations > 0, "a gauge needs tol > 0 and max_iterations > 0, got ",
                    options.tol, " and ", options.max_iterations);
}

Gauge sum_gauge(const std::vector<WeightedNorm>& parts, const at::Tensor& X, const GaugeOptions& options) {
  check(options);
  TORCH_CHECK_VALUE(!parts.empty(), "a sum of norms needs at least one part");
  for (const auto& [weight, norm] : parts)
    TORCH_CHECK_VALUE(norm && weight > 0, "every part of a gauge needs a norm and a weight above 0, got ", weight);
  const auto scaled = working_matrix(X).to(at::kCPU, at::kDouble);
  const double size = kernels::frobenius_norm(scaled).item<double>();
  if (size == 0) {
    const auto zero = scaled.to(X.device());
    return {0, 0, 0, true, zero, at::stack(std::vector<at::Tensor>(parts.size(), zero))};
  }
  Splitting splitting(parts, scaled / size);
  const auto& found = splitting.found();
  const auto converged = [&] { return found.upper - found.lower <= options.tol * found.lower; };
  while (!converged() && found.iterations < options.max_iterations) splitting.iterate();
  const auto back = [&](const at::Tensor& T) { return T.to(X.device()); };
  return {found.lower * size, found.upper * size, found.iterations, converged(), back(found.Y), back(found.Z * size)};
}

}  // namespace fanion::norms
