#include "fanion/norms/batch_qr.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/linalg_cholesky_ex.h>
#include <ATen/ops/linalg_solve_triangular.h>
#include <ATen/ops/linalg_vector_norm.h>

#include <cmath>
#include <limits>

#include "fanion/dtype_limits.h"
#include "fanion/in_dtype.h"

namespace fanion::norms {
namespace {

/// Of the diagonal: more than k sums of this many products can round off a pivot.
double diagonal_shift(int64_t rows, int64_t k) {
  return machine_epsilon(at::kDouble) * static_cast<double>(k) * (8 + std::sqrt(static_cast<double>(rows)));
}

BatchQr normalised_column(const at::Tensor& Y, const MatrixLayout::Sum& sum) {
  auto norm = at::linalg_vector_norm(Y, 2, {{1}}, /*keepdim=*/true, at::kDouble);
  if (sum) norm = completed(norm.square(), sum).sqrt();
  return {Y / norm.clamp_min(smallest_normal(Y.scalar_type())).to(Y.scalar_type()), norm};
}

}  // namespace

BatchQr batch_qr(const at::Tensor& Y, int64_t rows, const MatrixLayout::Sum& sum) {
  const int64_t k = Y.size(2);
  if (k == 1) return normalised_column(Y, sum);
  auto Q = in_dtype(Y, at::kDouble);
  at::Tensor R;
  const int times = Y.scalar_type() == at::kDouble ? 3 : 1;
  for (int time = 0; time < times; ++time) {
    const auto gram = completed(at::bmm(Q.mT(), Q), sum);
    gram.diagonal(0, 1, 2).mul_(1 + diagonal_shift(rows, k)).add_(smallest_normal(at::kDouble));
    const auto upper = std::get<0>(at::linalg_cholesky_ex(gram)).mT();
    Q = at::linalg_solve_triangular(upper, Q, /*upper=*/true, /*left=*/false);
    R = R.defined() ? at::bmm(upper, R) : upper;
  }
  return {in_dtype(Q, Y.scalar_type()), R};
}

}  // namespace fanion::norms
