#pragma once

#include <ATen/core/Tensor.h>

namespace fanion::kernels {

/// Where X is written to, which autograd is told of as an operator in place would.
template <class Element = float>
Element* written(const at::Tensor& X) {
  if (!X.is_inference()) X.unsafeGetTensorImpl()->bump_version();
  return X.data_ptr<Element>();
}

}  // namespace fanion::kernels
