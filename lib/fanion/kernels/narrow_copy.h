#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

namespace fanion::kernels {

/// scale·A rounded to fewer bits, what that changed, ‖A − narrow/scale‖_F ≤ error, and ‖narrow‖_F², ‖A‖_F².
struct NarrowCopy {
  at::Tensor narrow;
  double scale, error, squares, full_squares;
};

/// A copy of half the size for `skinny_product`, float16 or bfloat16. A: float32 on the CPU that the kernels take;
/// nothing if its Frobenius norm is not in 1e-30 … 1e30. A power of two takes the norm to 2^11 … 2^15: no entry
/// overflows, and those above 3e-8·norm keep float16's 11 bits, all of them bfloat16's 8. `error` leaves out what is
/// below 1e-20·norm.
/// Cost: one read of A and one write of the copy; both twice where every 32nd row misleads about the norm.
std::optional<NarrowCopy> half_copy(const at::Tensor& A, at::ScalarType dtype = at::kHalf);

/// A copy of a quarter of the size, int8. The largest entry becomes ±127; of more than 2^18 entries the largest of
/// every 32nd row, and what is larger becomes 127 or −128, as long as all rounding changes at most 5 % of the norm.
/// Nothing if the norm is not in 1e-30 … 1e30, or if rounding changes 5 % of it even so: of rows and columns of very
/// different sizes, the small ones are lost. Independent Gaussian entries lose 1 % to 1.5 %.
/// Cost: as `half_copy`.
std::optional<NarrowCopy> byte_copy(const at::Tensor& A);

}  // namespace fanion::kernels
