#pragma once

#include <ATen/core/Tensor.h>

#include <utility>

/// Products of a large matrix with a few vectors, where BLAS runs well below memory speed.
namespace fanion::kernels {

/// Whether the kernels take A: (m, n), float32, bfloat16 or float16 on the CPU, one stride of 1.
/// Everything else goes through at::matmul, to which the tests tie the kernels.
bool takes_skinny(const at::Tensor& A);

/// Most columns for which the kernels are the better choice for float32; beyond, blocking for reuse pays (GEMM).
constexpr int64_t kMostSkinnyColumns = 32;

/// Uninitialised (rows, columns) in the layout of the kernels: columns contiguous, each starting at 64 bytes.
at::Tensor empty_block(int64_t rows, int64_t columns, const at::TensorOptions& options = at::kFloat);

/// A X by the kernels where they take A and are the better choice for X, else by at::matmul; X's dtype.
at::Tensor product(const at::Tensor& A, const at::Tensor& X);

/// A V: (m, n) · (n, b) → (m, b) float32, columns contiguous.
///
/// V: float32 on the CPU, any strides. Sums in float32, in an order that the shapes and the instruction set fix, so
/// the result does not depend on the number of threads. Cost: A is read once per 8 columns, from memory once.
at::Tensor skinny_product(const at::Tensor& A, const at::Tensor& V);

/// How often `skinny_gram` reads A for `columns` vectors: once per 8; 0 where it cannot, which takes A row-major with
/// rows short enough that a few of them fit the second-level cache beside 8 columns of V and Z.
int64_t gram_reads(const at::Tensor& A, int64_t columns);

/// Y = A V and Z = Aᵀ Y in one sweep over A per 8 columns, where `gram_reads` is not 0. Like `skinny_product`
/// otherwise.
std::pair<at::Tensor, at::Tensor> skinny_gram(const at::Tensor& A, const at::Tensor& V);

/// 2^exponent·A rounded to float16, what the rounding changed, ‖A − 2^-exponent·H‖_F ≤ error, and ‖H‖_F².
struct HalfCopy {
  at::Tensor H;
  int exponent;
  double error, squares;
};
/// A copy of half the size for `skinny_product`. A: float32 on the CPU that the kernels take, of Frobenius norm `norm`,
/// positive and finite. The exponent takes the norm to 2^14 … 2^15: no entry overflows, and those above 4e-9·norm keep
/// float16's 11 bits. `error` leaves out what is below 1e-20·norm. Cost: one read of A and one write of H.
HalfCopy half_copy(const at::Tensor& A, double norm);

}  // namespace fanion::kernels
