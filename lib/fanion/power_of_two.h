#pragma once

#include <ATen/core/Tensor.h>

/// Scaling by powers of two, which changes no digit: norms and directions of matrices whose squares and sums would
/// leave the range of their dtype are found at another scale, which costs nothing where they do not.
namespace fanion {

/// X·2^exponent, which may be so far out that 2^exponent itself leaves the range. Exact, but for what leaves it.
at::Tensor times_power_of_two(const at::Tensor& X, int exponent);
/// The same with an exponent for every slice of X: float64 integers, of a shape that spreads over X's.
at::Tensor times_powers_of_two(const at::Tensor& X, const at::Tensor& exponents);

struct ScaledMatrix {
  at::Tensor X;
  int exponent;  ///< the matrix is X·2^exponent
};
/// X itself where its largest entry lies in the middle of the range of its dtype, 2^±40 of float32 and 2^±300 of
/// float64, and where it is zero or not finite; else a copy whose largest entry lies in [1, 2).
///
/// X: float32 or float64, any device. Cost: one read and, on an accelerator, one wait for the device.
ScaledMatrix to_middle_of_range(const at::Tensor& X);
/// The same of X whose largest entry, as a size, is known.
ScaledMatrix to_middle_of_range(const at::Tensor& X, double largest);

/// The exponents of the least powers of two that no entry of X's slices along `dims` reaches, keeping its dimensions:
/// float64 integers, `of_zero` of zero slices. X: float32 or float64. Waits for no device.
at::Tensor exponents_of_largest(const at::Tensor& X, at::OptionalIntArrayRef dims, double of_zero = 0);

struct ScaledSlices {
  at::Tensor X;
  at::Tensor exponents;  ///< the slices are those of X times 2^exponents: float64 integers, of the shape of a reduction
};
/// X with the largest entry of every slice along `dims` in [1/2, 1), zero slices as they are. Waits for no device.
/// X: float32 or float64. Cost: two reads and a write.
ScaledSlices over_largest(const at::Tensor& X, at::OptionalIntArrayRef dims);

}  // namespace fanion
