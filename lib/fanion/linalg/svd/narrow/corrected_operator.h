#pragma once

#include <memory>

#include "fanion/linalg/linear_operator.h"

namespace fanion::linalg {

/// A + L Rᵀ, which reads A as often as A itself does: Aᵀ L is given, so that AᵀA V takes one sweep where A has one.
/// L: (m, r), R and AtL = AᵀL: (n, r), with A's `options()`. Cost: A's, and (4m + 6n) r per column.
class CorrectedOperator final : public LinearOperator {
 public:
  CorrectedOperator(std::shared_ptr<const LinearOperator> A, at::Tensor L, at::Tensor R, const at::Tensor& AtL);
  int64_t gram_reads(int64_t columns) const override { return A_->gram_reads(columns); }
  int64_t entries() const override { return A_->entries() + (rows() + cols()) * R_.size(1); }

 private:
  at::Tensor product(const at::Tensor& V) const override;
  at::Tensor adjoint_product(const at::Tensor& U) const override;
  std::pair<at::Tensor, at::Tensor> gram_product(const at::Tensor& V) const override;
  std::shared_ptr<const LinearOperator> A_;
  at::Tensor L_, R_, both_;  ///< both_ = [AᵀL, R]
};

}  // namespace fanion::linalg
