#include "fanion/linalg/operators/operator_parts.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/linalg_vector_norm.h>

#include <limits>

namespace fanion::linalg {

std::string described(const LinearOperator& A) {
  return c10::str(A.rows(), " x ", A.cols(), " ", A.options().dtype(), " on ", A.options().device());
}

bool same_kind(const LinearOperator& A, const LinearOperator& B) {
  return A.options().dtype() == B.options().dtype() && A.options().device() == B.options().device();
}

const LinearOperator& first_of(const std::vector<OperatorPtr>& parts, const char* what) {
  TORCH_CHECK_VALUE(!parts.empty(), what, " needs at least one operator");
  for (const auto& part : parts) TORCH_CHECK_VALUE(part, what, " was given a null operator");
  return *parts[0];
}

const LinearOperator& checked(const OperatorPtr& A, const char* what) {
  TORCH_CHECK_VALUE(A, what, " was given a null operator");
  return *A;
}

at::Tensor column_norms(const at::Tensor& X) {
  const auto wide = X.to(at::kDouble), largest = wide.abs().amax().clamp_min(std::numeric_limits<double>::min());
  return at::linalg_vector_norm(wide / largest, 2, {{0}}) * largest;
}

}  // namespace fanion::linalg
