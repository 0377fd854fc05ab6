#include "fanion/linalg/svd/scaled_operator.h"

#include <ATen/TensorOperators.h>

#include <cmath>

#include "fanion/power_of_two.h"

namespace fanion::linalg {

bool in_easy_range(double norm, at::ScalarType dtype) {
  return dtype == at::kDouble ? norm > 1e-30 && norm < 1e30 : norm > 1e-9 && norm < 1e11;
}

at::Tensor ScaledOperator::scaled(const at::Tensor& X, at::Tensor Y) const {
  if (!exponent_) {
    const auto largest = [](const at::Tensor& block) { return block.abs().amax().item<double>(); };
    if (X.size(1) == 0 || largest(Y) == 0) return Y;  // which says nothing of A's size
    const double size = largest(Y) / largest(X);
    TORCH_CHECK_VALUE(std::isfinite(size), "a product of the operator overflows ", options().dtype(),
                      ": give it a power of two less");
    exponent_ = in_easy_range(size, options().dtype().toScalarType()) ? 0 : std::ilogb(size);
  }
  return *exponent_ == 0 ? Y : times_power_of_two(Y, -*exponent_);
}

/// The two products of `both`, unless what the first shows of A's size makes it out of range.
ScaledOperator::Pair ScaledOperator::gram_product(const at::Tensor& V) const {
  auto [Y, Z] = A_.apply_gram(V);
  if (exponent_) return {std::move(Y), std::move(Z)};
  Y = scaled(V, std::move(Y));
  if (exponent() != 0) Z = scaled(Y, A_.apply_adjoint(Y));
  return {std::move(Y), std::move(Z)};
}
ScaledOperator::Pair ScaledOperator::adjoint_gram_product(const at::Tensor& U) const {
  auto [Z, Y] = A_.apply_adjoint_gram(U);
  if (exponent_) return {std::move(Z), std::move(Y)};
  Z = scaled(U, std::move(Z));
  if (exponent() != 0) Y = scaled(Z, A_.apply(Z));
  return {std::move(Z), std::move(Y)};
}

at::Tensor ScaledOperator::product_in_double(const at::Tensor& V) const {
  const auto Y = A_.apply_in_double(V);
  return Y.defined() ? times_power_of_two(Y, -exponent()) : Y;
}
at::Tensor ScaledOperator::adjoint_product_in_double(const at::Tensor& U) const {
  const auto Z = A_.apply_adjoint_in_double(U);
  return Z.defined() ? times_power_of_two(Z, -exponent()) : Z;
}

at::Tensor ScaledOperator::to_dense() const {
  const auto A = A_.to_dense();
  if (!exponent_) {
    const double largest = A.abs().amax().item<double>();
    if (largest > 0 && std::isfinite(largest))
      exponent_ = in_easy_range(largest, options().dtype().toScalarType()) ? 0 : std::ilogb(largest);
  }
  return exponent() == 0 ? A : times_power_of_two(A, -exponent());
}

/// The scale is settled by the norm, where that is known, before anything is said of it.
std::optional<double> ScaledOperator::frobenius_squared() const {
  const auto squares = A_.frobenius_squared();
  if (!squares || !(*squares > 1e-280 && *squares < 1e280)) return std::nullopt;
  const double norm = std::sqrt(*squares);
  if (!exponent_) exponent_ = in_easy_range(norm, options().dtype().toScalarType()) ? 0 : std::ilogb(norm);
  return std::ldexp(*squares, -2 * *exponent_);
}

double ScaledOperator::rounding_scale() const { return std::ldexp(A_.rounding_scale(), -exponent()); }

}  // namespace fanion::linalg
