#include "fanion/norms/dual_sum.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/scalar_tensor.h>

#include <algorithm>
#include <cmath>

#include "fanion/kernels/sum_of_squares.h"
#include "fanion/linalg/dense/finite_entries.h"
#include "fanion/no_autocast.h"
#include "fanion/norms/ky_fan_ball.h"
#include "fanion/norms/summed_rule.h"
#include "fanion/over_norm.h"
#include "fanion/power_of_two.h"

namespace fanion::norms {
namespace {

bool is_frobenius(const MatrixNorm& norm) { return norm.name() == "frobenius"; }

/// The parts of positive weight, those of one name as one.
std::vector<WeightedNorm> combined(const std::vector<WeightedNorm>& parts) {
  std::vector<WeightedNorm> result;
  for (const auto& part : parts) {
    if (part.weight == 0) continue;
    const auto same = std::find_if(result.begin(), result.end(),
                                   [&](const WeightedNorm& other) { return other.norm->name() == part.norm->name(); });
    if (same == result.end())
      result.push_back(part);
    else
      same->weight += part.weight;
  }
  return result;
}

/// The gauge where all parts but frobenius are Ky Fan forms of the same magnitudes and one k, or no frobenius is there.
std::optional<double> sorted_gauge(const std::vector<WeightedNorm>& parts, const at::Tensor& X) {
  std::optional<Magnitudes> of;
  std::vector<KyFanBall> balls;
  double b = 0;
  for (const auto& [weight, norm] : parts) {
    if (is_frobenius(*norm)) {
      b += weight;
      continue;
    }
    const auto form = norm->ky_fan_form(X.size(0), X.size(1));
    if (!form || (of && *of != form->of)) return std::nullopt;
    of = form->of;
    balls.push_back({form->k, weight * form->radius});
  }
  const bool one_k =
      std::all_of(balls.begin(), balls.end(), [&](const KyFanBall& ball) { return ball.k == balls.front().k; });
  if (!one_k && b > 0) return std::nullopt;
  const auto s = magnitudes(X, *of);
  if (b == 0) return ky_fan_balls_gauge(s, balls);
  double a = 0;
  for (const auto& ball : balls) a += ball.radius;
  return ky_fan_ball_gauge(s, balls.front().k, a, b);
}

/// The form's maximum where all parts are Ky Fan forms of the singular values, or frobenius: their balls' singular
/// values are then c_i = Σ w over the parts with k ≥ i, and any y with ‖y‖ ≤ b.
std::optional<double> aligned_maximum(const std::vector<WeightedNorm>& parts, const QuadraticForm& form) {
  std::vector<double> c(form.products().size(), 0.0);
  double b = 0;
  for (const auto& [weight, norm] : parts) {
    if (is_frobenius(*norm)) {
      b += weight;
      continue;
    }
    const auto ball = norm->ky_fan_form(form.rows(), form.cols());
    if (!ball || ball->of != Magnitudes::singular_values) return std::nullopt;
    for (int64_t i = 0; i < ball->k; ++i) c[i] += weight * ball->radius;
  }
  return maximum_around(c, b, form.products());
}

class DualSum final : public SummedRule<MatrixNorm> {
 public:
  explicit DualSum(std::vector<WeightedRule> rules) : SummedRule(std::move(rules)) {
    std::vector<WeightedNorm> norms;
    for (const auto& [weight, rule] : parts())
      norms.push_back({weight, std::static_pointer_cast<const MatrixNorm>(rule)});
    combined_ = combined(norms);
  }

  at::Tensor dual_of(const at::Tensor& M) const override {
    at::Tensor sum;
    for (const auto& [weight, norm] : combined_) {
      const auto part = norm->dual(M) * weight;
      sum = sum.defined() ? sum + part : part;
    }
    return sum;
  }
  double rho_of(int64_t m, int64_t n) const override {
    double sum = 0;
    for (const auto& [weight, norm] : combined_) sum += weight * norm->rho(m, n);
    return sum;
  }
  /// Exact for sums of Ky Fan forms of the singular values and frobenius. Otherwise, √⟨D, A D B⟩ being a seminorm, at
  /// most the sum of the parts' maxima under the root.
  QuadraticMaximum maximum(const QuadraticForm& form) const override {
    if (combined_.size() == 1) {
      const auto& [weight, norm] = combined_[0];
      const auto [value, exact, how] = norm->maximum(form);
      return {weight * weight * value, exact, how};
    }
    if (const auto exact = aligned_maximum(combined_, form))
      return {*exact, true, "all parts along the eigenvectors of A and B"};
    double sum = 0;
    for (const auto& [weight, norm] : combined_) sum += weight * std::sqrt(norm->maximum(form).value);
    return {sum * sum, false, "(sum of w sqrt(L) of the parts)^2"};
  }
  at::Tensor value_of(const at::Tensor& X) const override {
    const auto found = gauge(X, {});
    TORCH_CHECK(found.converged, "the value of ", name(), " was only found to lie between ", found.lower, " and ",
                found.upper, " after ", found.iterations, " iterations");
    return at::scalar_tensor(found.upper, X.options().dtype(at::kDouble)).to(X.scalar_type());  // inf beyond float32
  }

  Gauge gauge(const at::Tensor& X, const GaugeOptions& options) const {
    check(options);
    if (combined_.size() == 1) {
      const double value = combined_[0].norm->value(X).item<double>() / combined_[0].weight;
      return {value, value};
    }
    if (const auto value = sorted_gauge(combined_, X)) return {*value, *value};
    return sum_gauge(combined_, X, options);
  }

  /// The ball is {X : the distance from X to a·B is at most b}: a step of b back from a·B's nearest point.
  at::Tensor projection_of(const at::Tensor& X) const override {
    double b = 0;
    std::vector<WeightedNorm> others;
    for (const auto& part : combined_) {
      if (is_frobenius(*part.norm) && combined_.size() > 1)
        b = part.weight;
      else
        others.push_back(part);
    }
    if (others.size() != 1) return MatrixNorm::projection_of(X);
    const auto& [a, norm] = others[0];
    if (b == 0 && norm->value(X).item<double>() <= a) return X.clone();
    const auto nearest = norm->project(X / a) * a, rest = X - nearest;
    const double distance = kernels::frobenius_norm(rest).item<double>();
    return distance <= b ? X.clone() : nearest + over_norm(rest, std::nullopt) * b;
  }

 private:
  std::vector<WeightedNorm> combined_;
};

std::shared_ptr<const DualSum> make(const std::vector<WeightedNorm>& parts) {
  double total = 0;
  std::vector<WeightedRule> rules;
  for (const auto& [weight, norm] : parts) {
    TORCH_CHECK_VALUE(norm && std::isfinite(weight) && weight >= 0,
                      "every part of a dual_sum needs a norm and a finite ",
                      "weight >= 0 (a negative one gives no norm ball), got ", weight);
    total += weight;
    rules.push_back({weight, norm});
  }
  TORCH_CHECK_VALUE(total > 0, "a dual_sum needs a part of positive weight");
  return std::make_shared<DualSum>(flattened(rules));
}

}  // namespace

NormPtr dual_sum(const std::vector<WeightedNorm>& parts) { return make(parts); }

Gauge dual_sum_gauge(const std::vector<WeightedNorm>& parts, const at::Tensor& X, const GaugeOptions& options) {
  const NoAutocast whole;
  const auto M = working_matrix(X);
  linalg::check_finite(M, "the matrix");
  const auto [scaled, exponent] = to_middle_of_range(M);
  auto found = make(parts)->gauge(scaled, options);
  found.lower = std::ldexp(found.lower, exponent);
  found.upper = std::ldexp(found.upper, exponent);
  if (found.Z.defined()) found.Z = times_power_of_two(found.Z, exponent);
  return found;
}

}  // namespace fanion::norms
