#include "fanion/norms/dual_sum.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/scalar_tensor.h>

#include <cmath>

#include "fanion/norms/ky_fan_ball.h"
#include "fanion/norms/singular.h"
#include "fanion/norms/weighted_sum.h"

namespace fanion::norms {
namespace {

class DualSum final : public MatrixNorm, public SumOfRules {
 public:
  explicit DualSum(std::vector<WeightedRule> parts) : rules_(std::move(parts)) {
    for (const auto& [weight, rule] : rules_)
      norms_.push_back({weight, std::static_pointer_cast<const MatrixNorm>(rule)});
  }

  const std::vector<WeightedRule>& parts() const override { return rules_; }

  std::string name() const override { return summed_name(rules_); }
  Direction direction(const at::Tensor& M, at::Tensor* warm) const override {
    return summed_direction(rules_, M, warm);
  }
  int64_t warm_columns(int64_t m, int64_t n) const override { return summed_warm_columns(rules_, m, n); }

  at::Tensor dual_of(const at::Tensor& M) const override {
    at::Tensor sum;
    for (const auto& [weight, norm] : norms_) {
      const auto part = norm->dual(M) * weight;
      sum = sum.defined() ? sum + part : part;
    }
    return sum;
  }
  double rho(int64_t m, int64_t n) const override {
    double sum = 0;
    for (const auto& [weight, norm] : norms_) sum += weight * norm->rho(m, n);
    return sum;
  }
  /// √⟨D, A D B⟩ is a seminorm: the maximum over a sum of balls is at most the sum of the maxima, squared.
  QuadraticMaximum maximum(const QuadraticForm& form) const override {
    double sum = 0;
    std::size_t parts = 0;
    bool exact = true;
    for (const auto& [weight, norm] : norms_) {
      if (weight == 0) continue;
      const auto part = norm->maximum(form);
      sum += weight * std::sqrt(part.value);
      exact = exact && part.exact;
      ++parts;
    }
    return {sum * sum, exact && parts == 1, "(sum of w sqrt(L) of the parts)^2"};
  }
  at::Tensor value_of(const at::Tensor& X) const override {
    double a = 0, b = 0;
    int64_t k = 0;
    for (const auto& [weight, norm] : norms_) {
      if (norm->name() == "frobenius") {
        b += weight;
        continue;
      }
      const int64_t part = norm->ky_fan_k(X.size(0), X.size(1));
      TORCH_CHECK_VALUE(part > 0 && (k == 0 || k == part), "the value of the norm ", name(),
                        " is not known: only sums ",
                        "of frobenius with one of spectral, nuclear, ky_fan_dual have one");
      k = part;
      a += weight;
    }
    const double gauge = ky_fan_ball_gauge(singular_values(X), std::max<int64_t>(k, 1), a, b);
    return at::scalar_tensor(gauge, X.options());
  }

 private:
  std::vector<WeightedRule> rules_;
  std::vector<WeightedNorm> norms_;
};

}  // namespace

NormPtr dual_sum(const std::vector<WeightedNorm>& parts) {
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

}  // namespace fanion::norms
