#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace fanion::norms {

/// ⟨D, A D B⟩ on m × n matrices D, with A (m, m) and B (n, n) symmetric positive semidefinite.
///
/// Twice the least-squares objective (KyFan eq. 17). A and B may have any float dtype and device; they are kept as
/// float64 on the CPU. Throws if one is not square, finite, symmetric and positive semidefinite up to rounding.
/// Cost: two eigendecompositions.
class QuadraticForm {
 public:
  QuadraticForm(const at::Tensor& A, const at::Tensor& B);

  int64_t rows() const { return A_.size(0); }
  int64_t cols() const { return B_.size(0); }
  const at::Tensor& A() const { return A_; }
  const at::Tensor& B() const { return B_; }
  /// λ_max(A), λ_max(B).
  double top_of_A() const { return eigenvalues_of_A_.front(); }
  double top_of_B() const { return eigenvalues_of_B_.front(); }
  /// λ_i(A)λ_i(B) for i ≤ min(m, n), both descending: max Σ_i λ_i(A)λ_i(B)s_i² over the singular values s of a ball
  /// is the form's maximum over it where the norm is unitarily invariant (Horn: Σσ_i²(A^½DB^½) is at most that).
  const std::vector<double>& products() const { return products_; }
  /// The sum of the first k of them.
  double sum_of_products(int64_t k) const;

 private:
  at::Tensor A_, B_;
  std::vector<double> eigenvalues_of_A_, eigenvalues_of_B_, products_;
};

}  // namespace fanion::norms
