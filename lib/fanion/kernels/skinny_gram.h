#pragma once

#include <ATen/core/Tensor.h>

#include <utility>

/// A V and AᵀA V in one read of A, where `skinny_product` would take two.
namespace fanion::kernels {

/// How often `skinny_gram` reads A for `columns` vectors: once per 8; 0 where it cannot, or where two products are
/// faster. Row-major, A needs rows short enough that a few of them fit the second-level cache beside 8 columns of V and
/// Z. Column-major, it needs n small enough that 256 bytes of each column fit twice that cache (8192 for 1 MiB), and
/// more than 16 MiB, below which a second read comes from the last-level cache.
int64_t gram_reads(const at::Tensor& A, int64_t columns);

/// Y = A V and Z = Aᵀ Y: (m, n), (n, b) → (m, b), (n, b) float32, columns contiguous.
///
/// A: as `skinny_product` takes it, where `gram_reads` is not 0 or would not be but for the 16 MiB. V: float32 on the
/// CPU, any strides. Sums in float32 in an order that the shapes, the caches and the instruction set fix, whatever the
/// number of threads. Cost: one read of A from memory per 8 columns.
std::pair<at::Tensor, at::Tensor> skinny_gram(const at::Tensor& A, const at::Tensor& V, double* squares = nullptr);

/// The same into Y and Z with contiguous columns: parts of larger blocks, say. V must be neither of them.
/// `squares`, where given, becomes ‖A‖_F² (to a few eps), taken from each piece of A while it is in the cache.
void skinny_gram_into(const at::Tensor& A, const at::Tensor& V, const at::Tensor& Y, const at::Tensor& Z,
                      double* squares = nullptr);

}  // namespace fanion::kernels
