#include "fanion/theory/smoothness.h"

namespace fanion::theory {

norms::QuadraticMaximum smoothness(const norms::MatrixNorm& norm, const at::Tensor& A, const at::Tensor& B) {
  return norm.maximum(norms::QuadraticForm(A, B));
}

}  // namespace fanion::theory
