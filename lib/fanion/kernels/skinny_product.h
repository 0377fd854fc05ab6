#pragma once

#include <ATen/core/Tensor.h>

/// Products of a large matrix with a few vectors, where BLAS runs well below memory speed.
namespace fanion::kernels {

/// Whether the kernels take A: (m, n), float32, bfloat16, float16 or int8 on the CPU, one stride of 1.
/// Everything else goes through at::matmul, to which the tests tie the kernels.
bool takes_skinny(const at::Tensor& A);

/// Most columns for which the kernels are taken for float32; beyond, blocking for reuse pays (GEMM). On two cores of an
/// AMD Zen 5, 128 columns run at 240 to 380 Gflop/s, and MKL's GEMM at 170 to 200.
constexpr int64_t kMostSkinnyColumns = 128;

/// Uninitialised (rows, columns) in the layout of the kernels: columns contiguous, each starting at 64 bytes.
at::Tensor empty_block(int64_t rows, int64_t columns, const at::TensorOptions& options = at::kFloat);

/// A copy of X in that layout, X's dtype and device.
at::Tensor copied_block(const at::Tensor& X);

/// Makes room for `wanted` columns in a block of which the first `used` count: twice as many as before, at most `most`.
void grow_block(at::Tensor& block, int64_t used, int64_t wanted, int64_t most);

/// Whether the kernels take A and are the better choice for X.
bool takes_product(const at::Tensor& A, const at::Tensor& X);
/// A X by the kernels where they take it, else by at::matmul; X's dtype.
at::Tensor product(const at::Tensor& A, const at::Tensor& X);

/// Whether `skinny_product` can find ‖A‖_F: for columns that are contiguous, whose multiples it adds up.
bool finds_squares(const at::Tensor& A);

/// A V: (m, n) · (n, b) → (m, b) float32, columns contiguous.
///
/// V: float32 on the CPU, any strides. Sums in float32, in an order that the shapes and the instruction set fix, so
/// the result does not depend on the number of threads. Cost: A is read once per 8 columns, from memory once.
/// `squares` becomes ‖A‖_F² (to a few eps), found in passing; it must be null where `finds_squares` is false.
at::Tensor skinny_product(const at::Tensor& A, const at::Tensor& V, double* squares = nullptr);

}  // namespace fanion::kernels
