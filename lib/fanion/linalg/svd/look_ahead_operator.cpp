#include "fanion/linalg/svd/look_ahead_operator.h"

#include "fanion/kernels/skinny_product.h"

namespace fanion::linalg {

LookAheadOperator::LookAheadOperator(kernels::LookAhead M)
    : LinearOperator(M.g.size(0), M.g.size(1), M.g.options()), M_(std::move(M)) {}

std::optional<double> LookAheadOperator::frobenius_squared() const {
  if (!squares_) squares_ = kernels::look_ahead_squares(M_, !std::exchange(updated_, true));
  return squares_;
}

at::Tensor LookAheadOperator::to_dense() const {
  if (!updated_) frobenius_squared();
  if (!formed_.defined()) formed_ = kernels::formed(M_);
  return formed_;
}

at::Tensor LookAheadOperator::product(const at::Tensor& V) const { return kernels::product(to_dense(), V); }
at::Tensor LookAheadOperator::adjoint_product(const at::Tensor& U) const { return kernels::product(to_dense().t(), U); }

std::pair<at::Tensor, at::Tensor> LookAheadOperator::gram_product(const at::Tensor& V) const {
  double squares = 0;
  const bool update = !std::exchange(updated_, true);
  auto both = kernels::look_ahead_gram(M_, update, V, squares_ ? nullptr : &squares);
  if (!squares_) squares_ = squares;
  return both;
}

}  // namespace fanion::linalg
