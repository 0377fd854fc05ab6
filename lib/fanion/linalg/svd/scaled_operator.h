#pragma once

#include "fanion/linalg/linear_operator.h"

namespace fanion::linalg {

/// Whether a norm leaves room for its square, and for eps of that, in the dtype's range.
bool in_easy_range(double norm, at::ScalarType dtype);

/// A/2^e, so that what a method squares stays in range. e is 0, and products are A's own, where the first product that
/// is not zero has entries in easy range for entries of about one; else it brings that product there. `A` must outlive
/// it, and counts its products too.
class ScaledOperator final : public LinearOperator {
 public:
  explicit ScaledOperator(const LinearOperator& A) : LinearOperator(A.rows(), A.cols(), A.options()), A_(A) {}
  int exponent() const { return exponent_.value_or(0); }  ///< e
  bool is_formed() const override { return A_.is_formed(); }
  int64_t entries() const override { return A_.entries(); }
  at::Tensor to_dense() const override;
  int64_t gram_reads(int64_t columns) const override { return exponent() == 0 ? A_.gram_reads(columns) : 0; }
  int64_t adjoint_gram_reads(int64_t columns) const override {
    return exponent() == 0 ? A_.adjoint_gram_reads(columns) : 0;
  }
  std::optional<double> frobenius_squared() const override;
  double rounding_scale() const override;

 private:
  using Pair = std::pair<at::Tensor, at::Tensor>;
  /// A product of A with X, scaled.
  at::Tensor scaled(const at::Tensor& X, at::Tensor Y) const;
  at::Tensor product(const at::Tensor& V) const override { return scaled(V, A_.apply(V)); }
  at::Tensor adjoint_product(const at::Tensor& U) const override { return scaled(U, A_.apply_adjoint(U)); }
  Pair gram_product(const at::Tensor& V) const override;
  Pair adjoint_gram_product(const at::Tensor& U) const override;
  at::Tensor product_in_double(const at::Tensor& V) const override;
  at::Tensor adjoint_product_in_double(const at::Tensor& U) const override;
  const LinearOperator& A_;
  mutable std::optional<int> exponent_;
};

}  // namespace fanion::linalg
