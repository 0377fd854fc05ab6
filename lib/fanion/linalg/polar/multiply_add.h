#pragma once

#include <ATen/ops/addmm.h>
#include <ATen/ops/baddbmm.h>

namespace fanion::linalg {

/// beta·X + alpha·(A B), for matrices and batches.
inline at::Tensor multiply_add(const at::Tensor& X, const at::Tensor& A, const at::Tensor& B, double beta,
                               double alpha) {
  return X.dim() == 2 ? at::addmm(X, A, B, beta, alpha) : at::baddbmm(X, A, B, beta, alpha);
}

}  // namespace fanion::linalg
