#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

namespace fanion::kernels {

/// 2^exponent·A rounded to float16, what the rounding changed, ‖A − 2^-exponent·H‖_F ≤ error, and ‖H‖_F², ‖A‖_F².
struct HalfCopy {
  at::Tensor H;
  int exponent;
  double error, squares, full_squares;
};
/// A copy of half the size for `skinny_product`. A: float32 on the CPU that the kernels take; nothing if its Frobenius
/// norm is not in 1e-30 … 1e30. The exponent takes the norm to 2^11 … 2^15: no entry overflows, and those above
/// 3e-8·norm keep float16's 11 bits. `error` leaves out what is below 1e-20·norm.
/// Cost: one read of A and one write of H; both twice where every 32nd row misleads about the norm.
std::optional<HalfCopy> half_copy(const at::Tensor& A);

}  // namespace fanion::kernels
