#pragma once

#include <ATen/core/Tensor.h>

namespace fanion::norms {

/// What of a matrix a norm is a function of.
enum class Magnitudes { singular_values, entries, rows, columns };

/// A norm that is max(Σs/k, max s) of these magnitudes s, its ball times `radius`: nuclear (singular values, 1, 1),
/// max_entry (entries, mn, 1), …
struct KyFanForm {
  Magnitudes of;
  int64_t k;
  double radius = 1;
};

/// σ, |x_ij|, or the 2-norms of rows or columns: (r,), descending. X: (m, n), float32 or float64.
at::Tensor magnitudes(const at::Tensor& X, Magnitudes of);

}  // namespace fanion::norms
