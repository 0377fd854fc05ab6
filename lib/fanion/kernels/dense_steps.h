#pragma once

#include <ATen/core/Tensor.h>

/// What a training step does to whole matrices, one sweep each, where several calls of ATen would take one each: of
/// float32 on the CPU, with all threads. Results do not depend on their number.
namespace fanion::kernels {

/// Whether X and Y are float32 on the CPU with the same sizes and strides, without gaps or overlaps in memory.
bool alike_in_memory(const at::Tensor& X, const at::Tensor& Y);

/// B ← B + (1 − μ)(g − B) if `average`, else μB + g; with `ahead` returns g + μ(B − g), or g + μB, a new tensor, and
/// else an undefined one. B and g alike in memory. Differences may leave the range of float32; sums stop at its ends.
at::Tensor momentum_(const at::Tensor& B, const at::Tensor& g, double mu, bool average, bool ahead);

/// Whether `add_low_rank_` takes W and k columns: so few that it is the sweep over W that takes its time.
bool takes_low_rank(const at::Tensor& W, int64_t columns);

/// W ← keep·W + take·U Vᵀ. W float32 on the CPU, (m, n), contiguous or the transpose of such; U (m, k), V (n, k).
void add_low_rank_(const at::Tensor& W, const at::Tensor& U, const at::Tensor& V, double keep, double take);

/// W ← keep·W + take·sign(M − L Vᵀ) entry by entry, without L and V of sign(M). W and M alike in memory and contiguous,
/// (m, n), L (m, k), V (n, k).
void add_sign_(const at::Tensor& W, const at::Tensor& M, const at::Tensor& L, const at::Tensor& V, double keep,
               double take);

/// Y ← keep·Y + take·X, alike in memory.
void blend_(const at::Tensor& Y, const at::Tensor& X, double keep, double take);

}  // namespace fanion::kernels
