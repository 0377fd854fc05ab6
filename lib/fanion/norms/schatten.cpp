#include "fanion/norms/schatten.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/pow.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "fanion/norms/frobenius.h"
#include "fanion/norms/nuclear.h"
#include "fanion/norms/rule_text.h"
#include "fanion/norms/singular.h"
#include "fanion/norms/spectral.h"
#include "fanion/power_of_two.h"

namespace fanion::norms {
namespace {

/// 1 < p < ∞.
class Schatten final : public MatrixNorm {
 public:
  explicit Schatten(double p) : p_(p) {}

  std::string name() const override { return "schatten:p=" + text_of(p_); }
  at::Tensor value_of(const at::Tensor& X) const override { return power_norm(X, p_); }
  at::Tensor dual_of(const at::Tensor& M) const override { return power_norm(M, p_ / (p_ - 1)); }
  double rho_of(int64_t m, int64_t n) const override {
    return std::pow(static_cast<double>(std::min(m, n)), std::max(0.0, 0.5 - 1 / p_));
  }
  double nominal_frobenius(int64_t m, int64_t n) const override {
    double powers = 0, squares = 0;  // of the weights of `direction`, before and after their norm is 1
    for (const double s : nominal_spectrum(std::min(m, n))) {
      powers += std::pow(s, p_ / (p_ - 1));
      squares += std::pow(s, 2 / (p_ - 1));
    }
    return std::sqrt(squares) / std::pow(powers, 1 / p_);
  }
  /// max Σ λ_i(A)λ_i(B)s_i² over ‖s‖_p ≤ 1: for p > 2 Hölder in s² ∈ ℓ_{p/2}, below at s = e₁.
  QuadraticMaximum maximum(const QuadraticForm& form) const override {
    const double first = form.products().front();
    if (p_ < 2 || first == 0) return {first, true, "lambda_max(A) lambda_max(B)"};
    const double q = p_ / (p_ - 2);
    double sum = 0;
    for (const double product : form.products()) sum += std::pow(product / first, q);
    return {first * std::pow(sum, 1 / q), true, "p/(p-2)-norm of lambda_i(A) lambda_i(B)"};
  }

  Direction direction(const at::Tensor& M, at::Tensor*) const override {
    const auto [U, S, V] = all_triplets(to_middle_of_range(working_matrix(M)).X);
    const auto ratios = S / largest(S);
    // q − 1 = 1/(p − 1) and (q − 1)/q = 1/p, without cancellation.
    const auto weights = at::pow(ratios, 1 / (p_ - 1)) / at::pow(sum_of_powers(ratios, p_ / (p_ - 1)), 1 / p_);
    return {{LowRankTerm{-1, without_null_columns(U, S, M.size(0), M.size(1)) * weights.to(U.scalar_type()), V}}};
  }

 private:
  /// σ₁ as float64, or 1 for a zero matrix.
  static at::Tensor largest(const at::Tensor& S) {
    const auto first = S[0].to(at::kDouble);
    return first + (first == 0);
  }
  /// Σ t^exponent for t in [0, 1] with t₁ = 1; 1 for zeros.
  static at::Tensor sum_of_powers(const at::Tensor& ratios, double exponent) {
    return at::pow(ratios, exponent).sum().clamp_min(1);
  }
  static at::Tensor power_norm(const at::Tensor& X, double exponent) {
    const auto S = singular_values(X), ratios = S.to(at::kDouble) / largest(S);
    return (S[0] * at::pow(sum_of_powers(ratios, exponent), 1 / exponent)).to(S.scalar_type());
  }

  double p_;
};

}  // namespace

NormPtr schatten(double p) {
  TORCH_CHECK_VALUE(p >= 1, "p = ", p, " is out of range: a Schatten norm has p in [1, inf]");
  if (p == 1) return nuclear();
  if (p == 2) return frobenius();
  if (p == std::numeric_limits<double>::infinity()) return spectral();
  return std::make_shared<Schatten>(p);
}

}  // namespace fanion::norms
