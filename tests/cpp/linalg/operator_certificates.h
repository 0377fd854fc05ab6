#pragma once

#include "fanion/linalg/linear_operator.h"

/// What an operator must satisfy to stand for a matrix.
namespace fanion::testing {

/// `op` is the float64 matrix `A`: its products with contiguous and strided blocks, its adjoint by ⟨U, A V⟩ = ⟨AᵀU, V⟩,
/// and its dense form. Rounding is relative to `size`, the Frobenius norms of what A is made of, or ‖A‖_F if 0.
void expect_is_matrix(const linalg::LinearOperator& op, const at::Tensor& A, double size = 0);

/// The three largest triplets by Lanczos are those of the float64 matrix `A`: singular values and residuals of both
/// sides, within the tolerance asked for and rounding, both relative to `size`, or σ₁ if 0.
void expect_same_triplets(const linalg::LinearOperator& op, const at::Tensor& A, double size = 0);

}  // namespace fanion::testing
