#include "fanion/norms/matrix_norm.h"

#include <ATen/TensorOperators.h>

namespace fanion::norms {

QuadraticMaximum MatrixNorm::maximum(const QuadraticForm& form) const {
  const double c = rho(form.rows(), form.cols());
  return {c * c * form.top_of_A() * form.top_of_B(), false, "rho^2 lambda_max(A) lambda_max(B)"};
}

at::Tensor MatrixNorm::prox(const at::Tensor& M, double lambda) const {
  TORCH_CHECK_VALUE(lambda > 0, "lambda = ", lambda, " must be positive");
  return to_dense(lmo(M), working_matrix(M)) * (dual(M) / lambda);
}

at::Tensor MatrixNorm::project(const at::Tensor&) const {
  TORCH_CHECK_VALUE(false, "no projection onto the unit ball of ", name(), " is known");
}

at::Tensor working_matrix(const at::Tensor& M) {
  TORCH_CHECK_VALUE(M.defined() && M.dim() == 2, "a matrix norm takes a 2-dimensional tensor, got ",
                    M.defined() ? c10::str(M.sizes()) : "an undefined one");
  TORCH_CHECK_VALUE(M.is_floating_point(), "a matrix norm takes a floating-point tensor, got ", M.scalar_type());
  return M.detach().to(M.scalar_type() == at::kDouble ? at::kDouble : at::kFloat);
}

}  // namespace fanion::norms
