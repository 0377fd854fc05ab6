#pragma once

#include "fanion/kernels/look_ahead.h"
#include "fanion/linalg/linear_operator.h"

namespace fanion::linalg {

/// What a step's direction is taken at, M of a gradient g and a momentum B (kernels/look_ahead.h), seen without being
/// formed: M and Mᵀ M times a few vectors in one read of g and B.
///
/// B has not had its update with g when this is made, and has it from the first use of any function but the sizes.
class LookAheadOperator final : public LinearOperator {
 public:
  /// M as `kernels::takes_look_ahead` takes it. Its tensors are kept, not copied.
  explicit LookAheadOperator(kernels::LookAhead M);
  int64_t gram_reads(int64_t columns) const override { return (columns + 7) / 8; }
  /// ‖M‖_F², by a sweep of its own unless a product has found it.
  std::optional<double> frobenius_squared() const override;
  /// M as a matrix, made once.
  at::Tensor to_dense() const override;
  /// Whether B has had its update.
  bool updated() const { return updated_; }

 private:
  at::Tensor product(const at::Tensor& V) const override;
  at::Tensor adjoint_product(const at::Tensor& U) const override;
  std::pair<at::Tensor, at::Tensor> gram_product(const at::Tensor& V) const override;
  kernels::LookAhead M_;
  mutable bool updated_ = false;
  mutable std::optional<double> squares_;
  mutable at::Tensor formed_;
};

}  // namespace fanion::linalg
