#pragma once

#include "fanion/norms/matrix_norm.h"

namespace fanion::theory {

/// L of the least-squares objective F(X) = ½⟨X − S, A(X − S)B⟩ (KyFan eq. 17; there M, N) in a norm: the least L with
/// ‖∇F(X) − ∇F(Y)‖† ≤ L‖X − Y‖, which is max_{‖D‖≤1} ‖A D B‖† = max_{‖D‖≤1} ⟨D, A D B⟩ (Cauchy–Schwarz in the form).
///
/// A (m, m), B (n, n): symmetric positive semidefinite, any float dtype. The answer says whether it is exact or a
/// proved upper bound, and by which formula; every norm gives its own (`MatrixNorm::maximum`). Throws if A or B is
/// unfit or the norm does not fit m × n. Cost: two eigendecompositions.
norms::QuadraticMaximum smoothness(const norms::MatrixNorm& norm, const at::Tensor& A, const at::Tensor& B);

}  // namespace fanion::theory
