#pragma once

#include <ATen/core/Tensor.h>

#include "fanion/kernels/loops/loop_table.h"

/// Orthonormalisation of a few columns, where LAPACK's calls cost more than the arithmetic.
namespace fanion::kernels {

/// Whether the functions below take X: (n, b) float32 on the CPU, b ≤ 32, columns contiguous.
bool takes_gram_schmidt(const at::Tensor& X);

/// X ← X − W WᵀX for W, the columns of `basis` from `first` on, orthonormal and of the same kind, any number of them;
/// adds WᵀX to C, (columns of W, b) row-major.
/// Small ones on one thread without an allocation, large ones by `skinny_gram`. Cost: 4npb flops for p columns.
void project_out(const at::Tensor& basis, int64_t first, at::Tensor& X, double* C);

/// The largest ‖x_j‖, summed in double.
double largest_column(const at::Tensor& X);

/// G = XᵀX in double, (b, b). Cost: nb² flops on one thread.
void self_product(const at::Tensor& X, double* G);

/// X C: (n, b) · (b, columns) for row-major C, which is rounded to float32; columns ≤ 32. Small ones on one thread.
/// Cost: 2nb·columns flops.
at::Tensor combination(const at::Tensor& X, const double* C, int64_t columns);

/// X ← X R⁻¹ with XᵀX = RᵀR (Cholesky), so that X is orthonormal; R upper triangular, (b, b), zeros below.
///
/// False, with X as it was and anything in R, where a diagonal element of R is at most `least`: a column depends on
/// those before it. All arithmetic in double, so X is orthonormal to float32's rounding while R's diagonal spans less
/// than 1e7. Cost: 2nb² flops on one thread, the same for any number of threads.
bool cholesky_qr(const at::Tensor& X, double least, double* R);

}  // namespace fanion::kernels
