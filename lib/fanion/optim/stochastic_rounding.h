#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace fanion::optim {

/// narrow ← wide, rounded to bfloat16: up with the fraction of the way that an entry has gone from the lower neighbour
/// to the upper, so that its expected value is the entry itself, and sums of many small steps do not stand still.
///
/// narrow: bfloat16; wide: float32 of the same shape; step: 0-dimensional, how often this was done before. The dice are
/// a hash of the entry's index and of `step` (16 bits), the same on every device and for any number of threads. Entries
/// that would round to infinity, infinities and NaN are truncated. Cost: a read and a write; elsewhere than on the CPU
/// about ten of each.
void round_stochastically_(const at::Tensor& narrow, const at::Tensor& wide, const at::Tensor& step);

/// The same of a stack, (b, …), whose tensors have their own counts, (b, 1) on its device: a new bfloat16 tensor, by
/// ATen's operators.
at::Tensor stochastically_rounded(const at::Tensor& wide, const at::Tensor& steps);

/// The dice of `count` entries in ATen's operators, int32 in [0, 65536), on the device of `step`; (b, count) for (b,
/// 1).
at::Tensor rounding_dice(int64_t count, const at::Tensor& step);

}  // namespace fanion::optim
