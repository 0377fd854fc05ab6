#include <ATen/TensorOperators.h>
#include <ATen/ops/matmul.h>

#include "fanion/linalg/dense/finite_entries.h"
#include "fanion/linalg/operators/operator_parts.h"

namespace fanion::linalg {
namespace {

int64_t rows_of_factor(const at::Tensor& U, const char* name) {
  TORCH_CHECK_VALUE(U.defined() && U.dim() == 2, name, " of U diag(s) Vᵀ needs 2 dimensions, got ",
                    U.defined() ? U.dim() : 0);
  TORCH_CHECK_VALUE(U.scalar_type() == at::kFloat || U.scalar_type() == at::kDouble, name,
                    " of U diag(s) Vᵀ must be float32 or float64, got ", U.scalar_type());
  return U.size(0);
}

}  // namespace

LowRankOperator::LowRankOperator(const at::Tensor& U, const at::Tensor& s, const at::Tensor& V)
    : LinearOperator{rows_of_factor(U, "U"), rows_of_factor(V, "V"), U.options()},
      U_(U.detach()),
      s_(s.detach()),
      V_(V.detach()) {
  TORCH_CHECK_VALUE(s.dim() == 1 && U.size(1) == s.size(0) && V.size(1) == s.size(0),
                    "U diag(s) Vᵀ needs U (m, r), s (r,) and V (n, r); they have shapes ", U.sizes(), ", ", s.sizes(),
                    " and ", V.sizes());
  for (const auto& x : {s, V}) {
    TORCH_CHECK_VALUE(x.dtype() == U.dtype() && x.device() == U.device(), "U, s and V of U diag(s) Vᵀ need one dtype ",
                      "and device; they are ", U.dtype(), " on ", U.device(), ", ", s.dtype(), " on ", s.device(),
                      " and ", V.dtype(), " on ", V.device());
  }
  check_finite(U_, "U of U diag(s) Vᵀ");
  check_finite(s_, "s of U diag(s) Vᵀ");
  check_finite(V_, "V of U diag(s) Vᵀ");
  if (s_.numel() > 0)
    scale_ = column_norms((column_norms(U_) * s_.to(at::kDouble) * column_norms(V_)).unsqueeze(1)).item<double>();
}

at::Tensor LowRankOperator::product(const at::Tensor& X) const {
  return at::matmul(U_, s_.unsqueeze(1) * at::matmul(V_.t(), X));
}
at::Tensor LowRankOperator::adjoint_product(const at::Tensor& X) const {
  return at::matmul(V_, s_.unsqueeze(1) * at::matmul(U_.t(), X));
}
at::Tensor LowRankOperator::to_dense() const { return at::matmul(U_ * s_, V_.t()); }
at::Tensor LowRankOperator::product_in_double(const at::Tensor& X) const {
  const auto inner = at::matmul(V_.to(at::kDouble).t(), X.to(at::kDouble));
  return at::matmul(U_.to(at::kDouble), s_.to(at::kDouble).unsqueeze(1) * inner);
}
at::Tensor LowRankOperator::adjoint_product_in_double(const at::Tensor& X) const {
  const auto inner = at::matmul(U_.to(at::kDouble).t(), X.to(at::kDouble));
  return at::matmul(V_.to(at::kDouble), s_.to(at::kDouble).unsqueeze(1) * inner);
}

}  // namespace fanion::linalg
