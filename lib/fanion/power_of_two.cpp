#include "fanion/power_of_two.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/aminmax.h>
#include <ATen/ops/exp2.h>
#include <ATen/ops/frexp.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/where.h>

#include <cmath>
#include <limits>

namespace fanion {

at::Tensor times_power_of_two(const at::Tensor& X, int exponent) {
  if (exponent == 0) return X;
  return X * std::ldexp(1.0, exponent / 2) * std::ldexp(1.0, exponent - exponent / 2);
}

at::Tensor times_powers_of_two(const at::Tensor& X, const at::Tensor& exponents) {
  const auto half = (exponents / 2).floor();
  return X * half.exp2().to(X.scalar_type()) * (exponents - half).exp2().to(X.scalar_type());
}

ScaledMatrix to_middle_of_range(const at::Tensor& X) {
  const auto [least, most] = at::aminmax(X);
  return to_middle_of_range(X, at::maximum(-least, most).item<double>());
}

ScaledMatrix to_middle_of_range(const at::Tensor& X, double largest) {
  const int middle = X.scalar_type() == at::kDouble ? 300 : 40;
  if (!std::isfinite(largest) || largest == 0 || std::abs(std::ilogb(largest)) <= middle) return {X, 0};
  const int exponent = std::ilogb(largest);
  return {times_power_of_two(X, -exponent), exponent};
}

at::Tensor exponents_of_largest(const at::Tensor& X, at::OptionalIntArrayRef dims, double of_zero) {
  const auto largest = at::linalg_vector_norm(X, std::numeric_limits<double>::infinity(), dims, /*keepdim=*/true);
  const auto exponents = std::get<1>(at::frexp(largest)).to(at::kDouble);
  return of_zero == 0 ? exponents : at::where(largest > 0, exponents, of_zero);
}

ScaledSlices over_largest(const at::Tensor& X, at::OptionalIntArrayRef dims) {
  auto exponents = exponents_of_largest(X, dims);
  return {times_powers_of_two(X, -exponents), exponents};
}

}  // namespace fanion
