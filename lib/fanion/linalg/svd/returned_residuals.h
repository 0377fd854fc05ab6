#pragma once

#include "fanion/linalg/topk_svd.h"

/// Residuals of what a solver returns, after every rounding of it.
namespace fanion::linalg {

/// max(‖A v_i − σ_i u_i‖, ‖Aᵀu_i − σ_i v_i‖) per triplet, (k,) float64 on the CPU; 2k products in working precision.
at::Tensor triplet_residuals(const LinearOperator& A, const at::Tensor& U, const at::Tensor& S, const at::Tensor& V);

/// σ̂₁ of the values that a method returned.
double leading_value(const at::Tensor& S);

/// What rounding of factors and products may add to a residual, relative to σ₁: 16 roundings of the products in float32
/// on the CPU, where many sums are in double, else 64. Measured: up to 8 and 52, from 1 × 1 to 3000 × 2000.
double residual_rounding(const LinearOperator& A, double sigma1);
/// Whether rounding decides if a residual is below tol·σ₁, so that those of what is returned must be measured.
bool near_rounding(double tol, const LinearOperator& A, double sigma1);

/// Makes the residuals of a report those of the triplets as returned. For the criterion `residual` with a tolerance
/// near rounding they are measured anew, in float64 where A can, unless passes have run out with the `reads` spent, and
/// the status follows; others have `residual_rounding` added. Where rounding of an operator's parts is larger than all
/// that was found, bounds are dropped.
/// Cost: nothing, or 2k products in float64.
void settle_residuals(const LinearOperator& A, const SvdOptions& options, int64_t reads, SvdResult& result);

}  // namespace fanion::linalg
