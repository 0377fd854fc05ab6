#include "fanion/norms/quadratic_maximum.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/linalg_eigvalsh.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace fanion::norms {
namespace {

double largest_diagonal(const at::Tensor& A) { return A.diagonal().max().item<double>(); }

/// A bound on xᵀAx over |x_i| ≤ 1.
struct CubeBound {
  double value;
  bool exact;
};

/// The least Σd_i of three diagonals with A ≼ diag(d): d_i = Σ_j|a_ij|, λ_max(A), and a_ii·λ_max of A with its diagonal
/// scaled to 1. Exact, Σ|a_ij|, where no entry is negative. Bounds of two matrices multiply: A ≼ diag(d) and
/// B ≼ diag(e) give A ⊗ B ≼ diag(d ⊗ e); and where A ≼ diag(d), ⟨D, A D B⟩ ≤ Σ d_i ⟨D_i, D_i B⟩ over the rows D_i.
CubeBound maximum_over_cube(const at::Tensor& A) {
  const auto top = [](const at::Tensor& X) { return at::linalg_eigvalsh(X).max().item<double>(); };
  const double by_rows = A.abs().sum().item<double>();
  if (A.min().item<double>() >= 0) return {by_rows, true};
  const auto diagonal = A.diagonal();
  const auto scale = diagonal.clamp_min(std::numeric_limits<double>::min()).rsqrt();  // a zero row is zero throughout
  const double by_top = static_cast<double>(A.size(0)) * top(A);
  const double by_scaled = top(A * scale.unsqueeze(0) * scale.unsqueeze(1)) * diagonal.sum().item<double>();
  return {std::min({by_rows, by_top, by_scaled}), false};
}

}  // namespace

std::optional<QuadraticMaximum> maximum_over(const KyFanForm& ball, const QuadraticForm& form) {
  const double squared = ball.radius * ball.radius;
  if (ball.of == Magnitudes::singular_values)
    return QuadraticMaximum{squared * form.sum_of_products(ball.k), true,
                            "sum of the k largest lambda_i(A) lambda_i(B)"};
  if (ball.of == Magnitudes::entries && ball.k == 1)
    return QuadraticMaximum{squared * largest_diagonal(form.A()) * largest_diagonal(form.B()), true,
                            "max a_ii max b_jj"};
  if (ball.of == Magnitudes::entries && ball.k == form.rows() * form.cols()) {
    const auto a = maximum_over_cube(form.A()), b = maximum_over_cube(form.B());
    return QuadraticMaximum{squared * a.value * b.value, a.exact && b.exact, "sum d sum e, A <= diag(d), B <= diag(e)"};
  }
  if (ball.of == Magnitudes::rows && ball.k == form.rows()) {
    const auto a = maximum_over_cube(form.A());
    return QuadraticMaximum{squared * a.value * form.top_of_B(), a.exact, "sum d lambda_max(B), A <= diag(d)"};
  }
  if (ball.of == Magnitudes::columns && ball.k == form.cols()) {
    const auto b = maximum_over_cube(form.B());
    return QuadraticMaximum{squared * form.top_of_A() * b.value, b.exact, "lambda_max(A) sum e, B <= diag(e)"};
  }
  return std::nullopt;
}

double maximum_around(const std::vector<double>& c, double b, const std::vector<double>& p) {
  std::vector<double> y(p.size(), 0.0);
  if (c.front() == 0 || p.front() == 0) {
    y[0] = b;
  } else if (b > 0) {
    const auto y_of = [&](double mu, std::size_t i) { return p[i] * c[i] / (mu - p[i]); };
    const auto length = [&](double mu) {
      double squares = 0;
      for (std::size_t i = 0; i < p.size(); ++i) squares += y_of(mu, i) * y_of(mu, i);
      return std::sqrt(squares);
    };
    double low = p.front(), high = 2 * p.front();
    while (length(high) > b) high *= 2;
    double middle = low + (high - low) / 2;
    while (middle > low && middle < high) {
      (length(middle) > b ? low : high) = middle;
      middle = low + (high - low) / 2;
    }
    const double stretch = b / length(high);
    for (std::size_t i = 0; i < p.size(); ++i) y[i] = y_of(high, i) * stretch;
  }
  double sum = 0;
  for (std::size_t i = 0; i < p.size(); ++i) sum += p[i] * (c[i] + y[i]) * (c[i] + y[i]);
  return sum;
}

}  // namespace fanion::norms
