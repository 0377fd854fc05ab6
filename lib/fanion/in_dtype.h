#pragma once

#include <ATen/core/Tensor.h>

namespace fanion {

/// X in this dtype: itself where it has that already, without the call that finds so.
inline at::Tensor in_dtype(const at::Tensor& X, at::ScalarType dtype) {
  return X.scalar_type() == dtype ? X : X.to(dtype);
}

}  // namespace fanion
