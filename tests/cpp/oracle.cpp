#include "oracle.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/linalg_svd.h>
#include <ATen/ops/matmul.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace fanion::testing {
namespace {

at::Tensor in_float64(const at::Tensor& A) { return A.detach().to(at::kCPU, at::kDouble); }

/// Where the decreasing f crosses zero, to the last double.
double bisected(double low, double high, const std::function<double(double)>& f) {
  for (;;) {
    const double middle = low + (high - low) / 2;
    if (middle <= low || middle >= high) return high;
    (f(middle) > 0 ? low : high) = middle;
  }
}

/// The distance from s to {0 ≤ x ≤ cap, Σx ≤ budget}, whose nearest point is clip(s − θ, 0, cap).
double distance_to_capped_simplex(const std::vector<double>& s, double cap, double budget) {
  const auto nearest = [cap](double v, double theta) { return std::clamp(v - theta, 0.0, cap); };
  const auto excess = [&](double theta) {
    double sum = 0;
    for (const double v : s) sum += nearest(v, theta);
    return sum - budget;
  };
  const double theta = excess(0) <= 0 ? 0 : bisected(0, s.front(), excess);
  double squares = 0;
  for (const double v : s) squares += std::pow(v - nearest(v, theta), 2);
  return std::sqrt(squares);
}

}  // namespace

double working_eps(at::ScalarType dtype) {
  return dtype == at::kDouble ? std::numeric_limits<double>::epsilon() : std::numeric_limits<float>::epsilon();
}

ExactSvd exact_svd(const at::Tensor& A) {
  auto [U, S, Vh] = at::linalg_svd(in_float64(A), /*full_matrices=*/false);
  return {U, S, Vh.t()};
}

std::vector<double> exact_singular_values(const at::Tensor& A) {
  const auto S = exact_svd(A).S.contiguous();
  return {S.data_ptr<double>(), S.data_ptr<double>() + S.numel()};
}

double frobenius_inner(const at::Tensor& A, const at::Tensor& B) {
  return (in_float64(A) * in_float64(B)).sum().item<double>();
}
double frobenius_norm(const at::Tensor& A) { return std::sqrt(frobenius_inner(A, A)); }

double ky_fan(const at::Tensor& A, int64_t k) {
  const auto s = exact_singular_values(A);
  return std::accumulate(s.begin(), s.begin() + k, 0.0);
}

double ky_fan_dual_norm(const at::Tensor& A, int64_t k) {
  const auto s = exact_singular_values(A);
  return std::max(std::accumulate(s.begin(), s.end(), 0.0) / static_cast<double>(k), s.front());
}

double schatten_norm(const at::Tensor& A, double p) {
  const auto s = exact_singular_values(A);
  if (s[0] == 0 || std::isinf(p)) return s[0];
  double sum = 0;
  for (const double x : s) sum += std::pow(x / s[0], p);
  return s[0] * std::pow(sum, 1 / p);
}

std::vector<double> row_norms(const at::Tensor& A) {
  std::vector<double> norms;
  for (int64_t i = 0; i < A.size(0); ++i) norms.push_back(frobenius_norm(A[i]));
  return norms;
}

double sum_gauge_by_bisection(const std::vector<double>& s, int64_t k, double a, double b) {
  const double norm = std::sqrt(std::inner_product(s.begin(), s.end(), s.begin(), 0.0));
  return bisected(0, norm / b, [&](double t) {
    return distance_to_capped_simplex(s, a * t, static_cast<double>(k) * a * t) - b * t;
  });
}

double f_star_norm(const std::vector<double>& sigma, bool squares) {
  const double sum = std::accumulate(sigma.begin(), sigma.end(), 0.0);
  const double norm = std::sqrt(std::inner_product(sigma.begin(), sigma.end(), sigma.begin(), 0.0));
  return squares ? std::sqrt((norm * norm + sum * sum) / 2) : (norm + sum) / 2;
}

double f_star_dual(const std::vector<double>& sigma, bool squares) {
  const auto power_sum = [&](double tau, int power) {
    double sum = 0;
    for (const double s : sigma) sum += std::pow(std::max(s - tau, 0.0), power);
    return sum;
  };
  const double tau = bisected(0, sigma.front(), [&](double candidate) {
    return squares ? power_sum(candidate, 1) - candidate : std::sqrt(power_sum(candidate, 2)) - candidate;
  });
  return squares ? std::sqrt(2 * (power_sum(tau, 2) + tau * tau)) : 2 * tau;
}

double largest_entry(const at::Tensor& A) { return in_float64(A).abs().max().item<double>(); }
double sum_of_entries(const at::Tensor& A) { return in_float64(A).abs().sum().item<double>(); }

at::Tensor flattened_top(const at::Tensor& A, int64_t k) {
  const auto svd = exact_svd(A);
  return at::matmul(svd.U.narrow(1, 0, k), svd.V.narrow(1, 0, k).t());
}

double quintic_chain(double x, const std::vector<Coefficients>& steps) {
  for (const auto& [a, b, c] : steps) x = a * x + b * x * x * x + c * x * x * x * x * x;
  return x;
}

double quintic_chain(double x, const Coefficients& coefficients, int64_t steps) {
  return quintic_chain(x, std::vector(steps, coefficients));
}

at::Tensor newton_schulz_reference(const at::Tensor& M, const std::vector<Coefficients>& steps) {
  const double norm = frobenius_norm(M);
  auto X = norm == 0 ? in_float64(M) : in_float64(M) / norm;
  for (const auto& [a, b, c] : steps) {
    const auto cubed = at::matmul(at::matmul(X, X.t()), X);
    const auto fifth = at::matmul(at::matmul(X, X.t()), cubed);
    X = a * X + b * cubed + c * fifth;
  }
  return X;
}

at::Tensor newton_schulz_reference(const at::Tensor& M, const Coefficients& coefficients, int64_t steps) {
  return newton_schulz_reference(M, std::vector(steps, coefficients));
}

ParameterAndMomentum lmo_step_reference(const at::Tensor& W, const at::Tensor& g, const at::Tensor& B,
                                        const ReferenceStep& step) {
  const auto w = in_float64(W), gradient = in_float64(g), old = in_float64(B);
  const double mu = step.momentum, weight = step.ema ? 1 - mu : 1;
  const auto momentum = mu * old + weight * gradient;
  const auto M = step.nesterov ? mu * momentum + weight * gradient : momentum;
  const int64_t rows = W.size(0), columns = W.numel() / rows;
  const auto D = step.lmo(M.contiguous().view({rows, columns})).reshape(W.sizes());
  const double lr = step.lr * step.scale(static_cast<double>(rows), static_cast<double>(columns));
  return {(1 - step.lr * step.weight_decay) * w + lr * D, momentum};
}

}  // namespace fanion::testing
