#include "fanion/norms/sum_gauge.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "fanion/kernels/sum_of_squares.h"
#include "fanion/norms/gauge/anderson_acceleration.h"
#include "fanion/norms/nearest_points.h"

namespace fanion::norms {
namespace {

constexpr double kRelaxation = 1.8;  // of 0 … 2; on random sums 1 took half as many iterations again
constexpr int64_t kLook = 5;         // iterations from one computation of the bounds to the next
constexpr int64_t kFirstBalance =
    20;  // the iteration where the step is first set; again at 1.5 times as many, and so on
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
    W_ = acceleration_.next(W_, W_ + kRelaxation * (Q - Z));
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
    acceleration_.start_again();
  }

  const std::vector<WeightedNorm>& parts_;
  at::Tensor X_;
  double count_;
  double dual_of_X_, step_;
  double radius_;
  Gauge found_;
  at::Tensor W_;  // (parts, m, n), whose projection onto {Σ Z_i = X} converges to the decomposition
  int64_t next_balance_ = kFirstBalance;
  AndersonAcceleration acceleration_;
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
