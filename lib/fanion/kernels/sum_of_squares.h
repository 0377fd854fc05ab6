#pragma once

#include <ATen/core/Tensor.h>

namespace fanion::kernels {

/// Σ xᵢ² of all elements, to about eps of the dtype, whatever their scale; NaN or infinite if X holds such.
///
/// X: float32, float64, bfloat16 or float16, any shape, strides and device. Sums float32 squares of a few hundred
/// elements in float32 and those in double; where that leaves float32's range, all of it in double, which takes several
/// times as long. The order of the sums depends on the shape alone.
/// Cost: one read.
double sum_of_squares(const at::Tensor& X);

/// ‖X‖_F, () float64 on X's device, which an accelerator need not wait for; infinite where it leaves float64. Like
/// `sum_of_squares` otherwise, but for float64: where its squares leave the range, it is read at another scale, three
/// times in all; on an accelerator always.
at::Tensor frobenius_norm(const at::Tensor& X);

}  // namespace fanion::kernels
