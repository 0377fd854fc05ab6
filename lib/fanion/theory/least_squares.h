#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

namespace fanion::theory {

/// F(X) = ½⟨X − S, A(X − S)B⟩ on m × n matrices (KyFan eq. 17; there M, N): least squares whose minimum is 0 at S.
/// A (m, m), B (n, n) symmetric positive semidefinite, S (m, n), all of one float dtype and device.
struct LeastSquares {
  at::Tensor A, B, S;

  double value(const at::Tensor& X) const;
  /// A(X − S)B.
  at::Tensor gradient(const at::Tensor& X) const;
};

/// KyFan §4.1: eigenvalues of A and B uniform in (0, 1), random eigenvectors, S = 0; float64, CPU.
LeastSquares random_least_squares(int64_t m, int64_t n, const at::Generator& generator);

}  // namespace fanion::theory
