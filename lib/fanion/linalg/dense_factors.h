#pragma once

#include <ATen/core/Tensor.h>

namespace fanion::linalg {

/// What LAPACK gives of A, (m, n) or a batch (b, m, n): k triplets and all singular values.
struct DenseFactors {
  at::Tensor U, S, V;  ///< (…, m, k), (…, k) descending, (…, n, k), in A's dtype
  at::Tensor all;      ///< (…, min(m, n)) descending, float64 on the CPU
};

/// The full SVD, cut to k triplets, by divide and conquer. A: float32 or float64, finite, of any scale: it is divided
/// by its largest entry first, so that neither squares nor sums leave the range.
DenseFactors dense_factors(const at::Tensor& A, int64_t k);

}  // namespace fanion::linalg
