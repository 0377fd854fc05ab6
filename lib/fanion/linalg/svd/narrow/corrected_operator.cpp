#include "fanion/linalg/svd/narrow/corrected_operator.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/matmul.h>

namespace fanion::linalg {

CorrectedOperator::CorrectedOperator(std::shared_ptr<const LinearOperator> A, at::Tensor L, at::Tensor R,
                                     const at::Tensor& AtL)
    : LinearOperator(A->rows(), A->cols(), A->options()),
      A_(std::move(A)),
      L_(std::move(L)),
      R_(std::move(R)),
      both_(at::cat({AtL, R_}, 1)) {
  TORCH_INTERNAL_ASSERT(L_.size(0) == rows() && R_.sizes() == AtL.sizes() && R_.size(0) == cols());
}

at::Tensor CorrectedOperator::product(const at::Tensor& V) const {
  return A_->apply(V).addmm_(L_, at::matmul(R_.t(), V));
}

at::Tensor CorrectedOperator::adjoint_product(const at::Tensor& U) const {
  return A_->apply_adjoint(U).addmm_(R_, at::matmul(L_.t(), U));
}

/// With c = RᵀV: Y = A V + L c, and AᵀY + R LᵀY = AᵀA V + AᵀL c + R LᵀY.
std::pair<at::Tensor, at::Tensor> CorrectedOperator::gram_product(const at::Tensor& V) const {
  auto [Y, Z] = A_->apply_gram(V);
  const auto c = at::matmul(R_.t(), V);
  Y.addmm_(L_, c);
  Z.addmm_(both_, at::cat({c, at::matmul(L_.t(), Y)}));
  return {std::move(Y), std::move(Z)};
}

}  // namespace fanion::linalg
