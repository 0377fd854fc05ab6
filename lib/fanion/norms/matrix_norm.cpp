#include "fanion/norms/matrix_norm.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include <functional>
#include <vector>

#include "fanion/linalg/dense/finite_entries.h"

namespace fanion::norms {
namespace {

at::Tensor finite_matrix(const at::Tensor& M, std::string_view what) {
  auto X = working_matrix(M);
  linalg::check_finite(X, what);
  return X;
}

/// f of one matrix, or of every matrix of a batch.
at::Tensor each_matrix(const at::Tensor& M, const std::function<at::Tensor(const at::Tensor&)>& f) {
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
  return each_matrix(X, [this](const at::Tensor& x) { return value_of(x); });
}

at::Tensor MatrixNorm::dual(const at::Tensor& M) const {
  return each_matrix(M, [this](const at::Tensor& x) { return dual_of(x); });
}

double MatrixNorm::rho(int64_t m, int64_t n) const {
  TORCH_CHECK_VALUE(m >= 1 && n >= 1, "a matrix has at least one row and one column, got ", m, " x ", n);
  warm_columns(m, n);  // throws where the norm does not fit
  return rho_of(m, n);
}

Direction MatrixNorm::lmo(const at::Tensor& M, at::Tensor* warm) const {
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
  return each_matrix(M,
                     [this, lambda](const at::Tensor& x) { return to_dense(direction(x), x) * (dual_of(x) / lambda); });
}

at::Tensor MatrixNorm::project(const at::Tensor& X) const {
  return each_matrix(X, [this](const at::Tensor& x) { return projection_of(x); });
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
