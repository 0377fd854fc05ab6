#pragma once

#include <ATen/core/Tensor.h>

namespace fanion::kernels {

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
