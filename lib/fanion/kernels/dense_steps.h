#pragma once

#include <ATen/core/Tensor.h>

/// What a training step does to whole matrices, one sweep each, where several calls of ATen would take one each: of
/// float32 on the CPU, with all threads. Results do not depend on their number.
namespace fanion::kernels {

/// Whether X and Y are float32 on the CPU with the same sizes and strides, without gaps or overlaps in memory.
bool alike_in_memory(const at::Tensor& X, const at::Tensor& Y);

/// B ← B + (1 − μ)(g − B) if `average`, else μB + g; with `ahead` returns g + μ(B − g), or g + μB, a new tensor, and
/// else an undefined one. B and g alike in memory.
at::Tensor momentum_(const at::Tensor& B, const at::Tensor& g, double mu, bool average, bool ahead);

/// Y ← keep·Y + take·X, alike in memory.
void blend_(const at::Tensor& Y, const at::Tensor& X, double keep, double take);

}  // namespace fanion::kernels
