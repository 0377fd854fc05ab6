#pragma once

#include <ATen/core/Tensor.h>

namespace fanion::norms {

/// R = U diag(S) Vᵀ of every matrix of a batch: U, V (b, k, k), S (b, k) descending. float64.
struct JacobiSvd {
  at::Tensor U, S, V;
};

/// By one-sided Jacobi rotations of Rᵀ, as many pairs of columns at once as there are, in a fixed number of sweeps:
/// no value is looked at on the host, which LAPACK's and an accelerator's own SVDs do.
///
/// R: (b, k, k) float64, upper triangular factors of a QR, for instance. `wanted`: the dtype that results are for;
/// float32 takes a sweep less. U is orthogonal; columns of V are zero where S is.
/// Cost: about 10k kernels a sweep, 3 + log₂k sweeps; for k = 2 it is one or two rotations. For small k.
/// Source: Brent & Luk 1985 (the order); Drmač & Veselić 2008 (of Rᵀ rather than R).
JacobiSvd jacobi_svd(const at::Tensor& R, at::ScalarType wanted);

}  // namespace fanion::norms
