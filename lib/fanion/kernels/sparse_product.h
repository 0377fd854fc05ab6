#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace fanion::kernels {

/// A sparse m × n matrix on the CPU, a row after the other: entries starts[i] to starts[i + 1] are those of row i.
struct CompressedMatrix {
  std::int64_t rows = 0, cols = 0;
  at::Tensor starts;   ///< (m + 1,) int64
  at::Tensor columns;  ///< (nnz,) int32, in any order within a row
  at::Tensor values;   ///< (nnz,) float32 or float64
};

/// Whether `csr`, a tensor of that layout, is one: on the CPU, float32 or float64, with fewer than 2³¹ rows and
/// columns.
bool takes_sparse(const at::Tensor& csr);
/// The same matrix, with 32-bit indices, which are half of what a product reads.
CompressedMatrix compressed(const at::Tensor& csr);
/// Aᵀ. Cost: two passes over the entries, in their order, which writes rows in the order of A's columns.
CompressedMatrix transposed(const CompressedMatrix& A);

/// A X for a block X (n, b) in A's dtype, any layout; the columns of the result (m, b) are contiguous. The same bits
/// for any number of threads. Cost: 2·nnz·b flops; reads 8 (float64: 12) bytes an entry for every eight columns.
at::Tensor sparse_product(const CompressedMatrix& A, const at::Tensor& X);

}  // namespace fanion::kernels
