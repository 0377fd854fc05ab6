#include "fanion/norms/thresholded_norm.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/scalar_tensor.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "fanion/host_numbers.h"
#include "fanion/linalg/random_start.h"
#include "fanion/linalg/svd_method_traits.h"
#include "fanion/norms/rule_text.h"

namespace fanion::norms {
namespace {

constexpr int64_t kFirst = 8;  // triplets asked for before any is known; growing means doubling

struct Sums {
  double sum = 0, norm = 0;
};
/// 1, or the power of two next to `x` where its square would leave the range.
double unit_of(double x) { return x == 0 || std::abs(std::ilogb(x)) < 400 ? 1 : std::ldexp(1.0, std::ilogb(x)); }

/// Σd and √(Σd²) of d = [σ − θ]_+, σ descending.
Sums sums_above(const std::vector<double>& sigma, double theta) {
  const double unit = unit_of(std::max(sigma.front() - theta, 0.0));
  double sum = 0, squares = 0;
  for (const double s : sigma) {
    const double d = std::max(s - theta, 0.0) / unit;
    sum += d;
    squares += d * d;
  }
  return {sum * unit, std::sqrt(squares) * unit};
}

}  // namespace

std::string ThresholdedNorm::name() const { return kind_ + ":" + text_of(options_); }

int64_t ThresholdedNorm::warm_columns(int64_t m, int64_t n) const {
  return warm_columns_for(options_, std::min({kFirst, m, n}), m, n);
}

double ThresholdedNorm::nominal_frobenius(int64_t m, int64_t n) const {
  const auto sigma = nominal_spectrum(std::min(m, n));
  const auto [sum, norm] = sums_above(sigma, threshold(sigma));
  return norm / size(sum, norm);
}

/// τ is as homogeneous as the norm.
double ThresholdedNorm::threshold_of(std::vector<double> sigma) const {
  const double unit = unit_of(sigma.front());
  if (unit != 1)
    for (auto& s : sigma) s /= unit;
  return threshold(sigma) * unit;
}

at::Tensor ThresholdedNorm::value_of(const at::Tensor& X) const {
  const auto S = singular_values(X);
  const auto [sum, norm] = sums_above(to_doubles(S), 0);
  return at::scalar_tensor(size(sum, norm), S.options().dtype(at::kDouble)).to(S.scalar_type());
}

at::Tensor ThresholdedNorm::dual_of(const at::Tensor& M) const {
  const auto S = singular_values(M);
  const auto sigma = to_doubles(S);
  const double tau = threshold_of(sigma);
  const auto [sum, norm] = sums_above(sigma, tau);
  return at::scalar_tensor(dual_size(tau, sum, norm), S.options().dtype(at::kDouble)).to(S.scalar_type());
}

/// The k largest, with what was found of V as the first columns of the start where the method takes one.
ScaledTriplets ThresholdedNorm::more_triplets(const at::Tensor& X, int64_t k, const at::Tensor& V) const {
  const int64_t columns = warm_columns_for(options_, k, X.size(0), X.size(1));
  if (columns == 0) return triplets(X, k, options_);
  auto start = linalg::random_block(X.size(1), columns, X.options(), {});
  start.narrow(1, 0, V.size(1)).copy_(V);
  return triplets(X, k, options_, &start);
}

Direction ThresholdedNorm::direction(const at::Tensor& M, at::Tensor* warm) const {
  const auto X = working_matrix(M);
  const int64_t smaller = std::min(X.size(0), X.size(1));
  int64_t k = std::min(kFirst, smaller);
  auto svd = triplets(X, k, options_, warm);
  auto sigma = to_doubles(svd.S);
  double tau = threshold_of(sigma);
  while (k < smaller && sigma.back() > tau) {
    k = linalg::traits_of(svd.report.method).takes_passes() ? std::min(2 * k, smaller) : smaller;
    svd = more_triplets(svd.matrix, k, svd.V);
    sigma = to_doubles(svd.S);
    tau = threshold_of(sigma);
  }
  const auto [sum, norm] = sums_above(sigma, tau);
  if (norm == 0) return {{LowRankTerm{-1, svd.U * 0, svd.V, svd.S * 0}}};
  const auto kept = std::count_if(sigma.begin(), sigma.end(), [&](double s) { return s > tau; });
  const auto d = (svd.S.narrow(0, 0, kept).to(at::kDouble) - tau) / size(sum, norm);
  const auto V = svd.V.narrow(1, 0, kept) * d.to(svd.V.scalar_type());
  return {{LowRankTerm{-1, svd.U.narrow(1, 0, kept), V, svd.values_of_M().narrow(0, 0, kept) / d}}};
}

/// The θ whose projection is on the unit sphere, by bisection to the last double.
double ThresholdedNorm::threshold_of_projection(const std::vector<double>& sigma) const {
  double low = 0, high = threshold_of(sigma);
  for (;;) {
    const double middle = low + (high - low) / 2;
    if (middle <= low || middle >= high) return low;
    const auto [sum, norm] = sums_above(sigma, middle);
    (projected_size(middle, sum, norm) > 1 ? low : high) = middle;
  }
}

at::Tensor ThresholdedNorm::projection_of(const at::Tensor& X) const {
  return with_singular_values(X, [this](const at::Tensor& S) {
    const auto sigma = to_doubles(S);
    const auto [sum, norm] = sums_above(sigma, 0);
    if (size(sum, norm) <= 1) return S;
    const double theta = threshold_of_projection(sigma);
    const auto [kept_sum, kept_norm] = sums_above(sigma, theta);
    return (S - theta).clamp_min(0) / size(kept_sum, kept_norm);
  });
}

}  // namespace fanion::norms
