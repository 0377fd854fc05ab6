#pragma once

#include <ATen/core/Tensor.h>

#include <utility>

/// A V and AᵀA V of a bfloat16 matrix with vectors rounded to bfloat16 too, on processors that multiply pairs of them.
namespace fanion::kernels {

/// Whether `pair_gram` takes A with so many columns: an instruction set with products of bfloat16 pairs (AVX512-BF16)
/// is in use, A is bfloat16 and row-major, and `gram_reads` is not 0.
bool takes_pairs(const at::Tensor& A, int64_t columns);

/// Y = A·bf(V) and Z = Aᵀ·bf(Y) for bf to the nearest bfloat16: (m, n), (n, b) → (m, b), (n, b) float32, columns
/// contiguous. V: float32 on the CPU, any strides; finite. Numbers below float32's smallest normal one count as zero.
/// Sums in float32 in an order that the shapes and caches fix, whatever the number of threads.
/// Cost: one read of A per 8 columns, and half the arithmetic of `skinny_gram`.
std::pair<at::Tensor, at::Tensor> pair_gram(const at::Tensor& A, const at::Tensor& V);

}  // namespace fanion::kernels
