#pragma once

#include <ATen/core/Tensor.h>

namespace fanion::linalg {

/// Right singular vectors of A, (n, k), from a Krylov space of an inexact N ≈ A and one product with AᵀA. They need not
/// be orthonormal.
///
/// V: (n, p) orthonormal. T: VᵀNᵀN V to the error of N, (p, p) float64 on the CPU. Q: its leading eigenvectors, (p, k),
/// orthonormal. G = AᵀA V Q. T becomes the nearest symmetric T' with T' Q = VᵀG (least change, Powell 1970), whose
/// leading vectors V Y are right to second order as far as V reaches; what G has beyond V, over the eigenvalue, is
/// added, as in a step of power iteration. Cost: 6npk flops and the eigenvectors of T'.
at::Tensor corrected_vectors(const at::Tensor& V, const at::Tensor& T, const at::Tensor& Q, const at::Tensor& G);

}  // namespace fanion::linalg
