#include "fanion/over_norm.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/div.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/maximum.h>

#include <algorithm>

#include "fanion/dtype_limits.h"
#include "fanion/power_of_two.h"

namespace fanion {
namespace {

at::ScalarType wide(at::ScalarType dtype) { return dtype == at::kDouble ? at::kDouble : at::kFloat; }

at::Tensor norms_of(const at::Tensor& X, at::OptionalIntArrayRef dims) {
  return at::linalg_vector_norm(X, 2, dims, /*keepdim=*/true, at::kDouble);
}

/// Whether these norms of X are right, and X keeps its digits when it is divided by them, or narrowed.
bool in_range(const at::Tensor& norms, const at::Tensor& X, bool narrow_first) {
  const bool squares_fit = X.scalar_type() != at::kDouble;
  if (!norms.device().is_cpu()) return squares_fit;
  const double least = !squares_fit ? 0x1p-400 : narrow_first ? 0x1p-90 : smallest_normal(at::kFloat);
  const double most = squares_fit ? 0x1p+126 : 0x1p+400;
  const auto* first = norms.const_data_ptr<double>();
  return std::all_of(first, first + norms.numel(),
                     [&](double x) { return (x >= least && x <= most) || (x == 0 && squares_fit && !narrow_first); });
}

at::Tensor quotient(const at::Tensor& X, const at::Tensor& norms, at::ScalarType dtype, bool narrow_first) {
  auto result = at::empty_like(X, dtype);
  at::div_out(result, X,
              norms.clamp_min(smallest_normal(X.scalar_type())).to(narrow_first ? dtype : wide(X.scalar_type())));
  return result;
}

}  // namespace

at::Tensor over_norm(const at::Tensor& X, at::OptionalIntArrayRef dims, const OverNormOptions& options) {
  const auto dtype = options.dtype.value_or(X.scalar_type());
  const bool narrow_first = options.narrow_first;
  const auto taken = [&](const at::Tensor& Y) { return narrow_first ? Y.to(dtype) : Y; };
  const auto plain = taken(X), norms = norms_of(plain, dims).clamp_min(options.least);
  if (X.numel() == 0 || in_range(norms, X, narrow_first)) return quotient(plain, norms, dtype, narrow_first);
  const auto [scaled, exponents] = over_largest(X.to(wide(X.scalar_type())), dims);
  const auto same = taken(scaled), rest = norms_of(same, dims);
  const auto least = times_powers_of_two(at::full_like(rest, options.least), -exponents);
  return quotient(same, at::maximum(rest, least), dtype, narrow_first);
}

}  // namespace fanion
