#include "fanion/norms/matrix_norm.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <functional>
#include <vector>

#include "fanion/linalg/dense/finite_entries.h"
#include "fanion/no_autocast.h"
#include "fanion/power_of_two.h"

namespace fanion::norms {
namespace {

at::Tensor finite_matrix(const at::Tensor& M, std::string_view what) {
  auto X = working_matrix(M);
  linalg::check_finite(X, what);
  return X;
}

/// f(X), where f(c·X) = c·f(X) for c > 0, from a matrix whose squares and sums stay in the range.
at::Tensor homogeneous(const at::Tensor& X, const std::function<at::Tensor(const at::Tensor&)>& f) {
  const auto [scaled, exponent] = to_middle_of_range(X);
  const auto found = f(scaled);
  return exponent == 0 ? found : times_power_of_two(found.to(at::kDouble), exponent).to(found.scalar_type());
}

/// f of one matrix, or of every matrix of a batch.
at::Tensor each_matrix(const at::Tensor& M, const std::function<at::Tensor(const at::Tensor&)>& f) {
  const NoAutocast whole;
  if (!M.defined() || M.dim() != 3) return f(finite_matrix(M, "the matrix"));
  if (M.size(0) == 0) {  // the shape of a result, and what f refuses
    const auto one = f(working_matrix(at::zeros({M.size(1), M.size(2)}, M.options()))).unsqueeze(0);
    return one.narrow(0, 0, 0);
  }
  std::vector<at::Tensor> results;
  for (int64_t i = 0; i < M.size(0); ++i)
    results.push_back(f(finite_matrix(M[i], c10::str("matrix ", i, " of the batch"))));
  return at::stack(results);
}

}  // namespace

at::Tensor MatrixNorm::value(const at::Tensor& X) const {
  return each_matrix(X, [this](const at::Tensor& x) {
    return homogeneous(x, [this](const at::Tensor& scaled) { return value_of(scaled); });
  });
}

at::Tensor MatrixNorm::dual(const at::Tensor& M) const {
  return each_matrix(M, [this](const at::Tensor& x) {
    return homogeneous(x, [this](const at::Tensor& scaled) { return dual_of(scaled); });
  });
}

double MatrixNorm::rho(int64_t m, int64_t n) const {
  TORCH_CHECK_VALUE(m >= 1 && n >= 1, "a matrix has at least one row and one column, got ", m, " x ", n);
  warm_columns(m, n);  // throws where the norm does not fit
  return rho_of(m, n);
}

Direction MatrixNorm::lmo(const at::Tensor& M, at::Tensor* warm) const {
  const NoAutocast whole;
  return direction(finite_matrix(M, "the matrix"), warm);
}

at::Tensor MatrixNorm::minimiser(const at::Tensor& M) const {
  return each_matrix(M, [this](const at::Tensor& x) { return to_dense(direction(x), x); });
}

QuadraticMaximum MatrixNorm::maximum(const QuadraticForm& form) const {
  if (const auto ball = ky_fan_form(form.rows(), form.cols()))
    if (auto known = maximum_over(*ball, form)) return *std::move(known);
  const double c = rho(form.rows(), form.cols());
  return {c * c * form.top_of_A() * form.top_of_B(), false, "rho^2 lambda_max(A) lambda_max(B)"};
}

at::Tensor MatrixNorm::prox(const at::Tensor& M, double lambda) const {
  TORCH_CHECK_VALUE(lambda > 0, "lambda = ", lambda, " must be positive");
  return each_matrix(M, [this, lambda](const at::Tensor& x) {
    const auto [scaled, exponent] = to_middle_of_range(x);
    const double size = dual_of(scaled).item<double>() / lambda;
    const int size_exponent = size > 0 && std::isfinite(size) ? std::ilogb(size) : 0;
    const auto D = to_dense(direction(scaled), scaled) * std::ldexp(size, -size_exponent);
    return times_power_of_two(D, exponent + size_exponent);
  });
}

at::Tensor MatrixNorm::project(const at::Tensor& X) const {
  return each_matrix(X, [this](const at::Tensor& x) {
    // Sums of such entries, or what a weight divides, may overflow. So far out, a part of x has the same nearest point,
    // unless x is in the ball.
    const bool is_double = x.scalar_type() == at::kDouble;
    const double most = is_double ? 0x1p+960 : 0x1p+100;
    if (x.abs().amax().item<double>() < most) return projection_of(x);
    return value(x).item<double>() <= 1 ? x.clone() : projection_of(times_power_of_two(x, is_double ? -60 : -30));
  });
}

at::Tensor MatrixNorm::projection_of(const at::Tensor&) const {
  TORCH_CHECK_VALUE(false, "no projection onto the unit ball of ", name(), " is known");
}

at::Tensor working_matrix(const at::Tensor& M) {
  TORCH_CHECK_VALUE(M.defined() && M.dim() == 2, "a matrix norm takes a 2-dimensional tensor, got ",
                    M.defined() ? c10::str(M.sizes()) : "an undefined one");
  TORCH_CHECK_VALUE(M.is_floating_point(), "a matrix norm takes a floating-point tensor, got ", M.scalar_type());
  TORCH_CHECK_VALUE(M.numel() > 0, "a matrix norm takes a matrix with at least one entry, got ", M.sizes());
  return M.detach().to(M.scalar_type() == at::kDouble ? at::kDouble : at::kFloat);
}

}  // namespace fanion::norms
