#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/ScalarType.h>

namespace fanion::linalg {

/// alpha·A B + beta·C, an undefined C being nothing; for matrices and batches.
///
/// On the CPU matrices are taken in tiles, one thread each, which the library behind ATen multiplies at nearly the
/// processor's limit, where all threads on one product reach four fifths of it (Zen 4, bfloat16).
at::Tensor product(const at::Tensor& A, const at::Tensor& B, double alpha = 1, const at::Tensor& C = {},
                   double beta = 0);

/// The same where A B and C are symmetric, as for B = Aᵀ and for polynomials A, B and C of one symmetric matrix: of
/// large matrices on the CPU the tiles on one side of the diagonal are found, and copied to the other.
at::Tensor symmetric_product(const at::Tensor& A, const at::Tensor& B, double alpha = 1, const at::Tensor& C = {},
                             double beta = 0);

/// What `symmetric_product` takes of the arithmetic of a whole product for m × m results of a dtype: 1 where it is one.
double symmetric_share(int64_t m, at::ScalarType dtype);

}  // namespace fanion::linalg
