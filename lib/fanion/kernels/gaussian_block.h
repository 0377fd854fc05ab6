#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

namespace fanion::kernels {

/// Standard Gaussian (rows, columns), float32 on the CPU, columns contiguous; one draw of 64 bits from the generator, a
/// CPU one, decides all of it. A tenth of the time of at::randn. Equal draws give blocks that agree to a few 1e-7 on
/// all processors, and bit for bit on one.
at::Tensor gaussian_block(int64_t rows, int64_t columns, at::Generator generator);

/// X ← X + scale·N, N what `gaussian_block` gives of X's shape, for float32 X on the CPU with contiguous columns.
void add_gaussian(const at::Tensor& X, float scale, at::Generator generator);

}  // namespace fanion::kernels
