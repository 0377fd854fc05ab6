#pragma once

#include <ATen/core/Tensor.h>

namespace fanion::optim {

/// A parameter as the matrix m × n its rule works on: 2-D as it is, convolution weights (out, in, kh, kw) as
/// out × in·kh·kw; the transpose of that for one stored `transposed` (in × out), which must be 2-D. Shares storage
/// where the strides allow it (not for channels_last weights). Throws for fewer than two dimensions.
at::Tensor matrix_view(const at::Tensor& parameter, bool transposed = false);

/// Rows and columns of that matrix, of a parameter or of one that has these sizes.
std::pair<int64_t, int64_t> matrix_shape(const at::Tensor& parameter, bool transposed = false);
std::pair<int64_t, int64_t> matrix_shape(at::IntArrayRef sizes, bool transposed = false);

}  // namespace fanion::optim
