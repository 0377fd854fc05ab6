#include "fanion/linalg/svd/narrow/projected_correction.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>

#include "fanion/dtype_limits.h"
#include "fanion/host_numbers.h"
#include "fanion/kernels/skinny_product.h"
#include "fanion/linalg/svd/projected_svd.h"

namespace fanion::linalg {

at::Tensor corrected_vectors(const at::Tensor& V, const at::Tensor& T, const at::Tensor& Q, const at::Tensor& G) {
  const int64_t k = Q.size(1);
  const auto inside = kernels::product(V.t(), G);
  const auto beyond = G - kernels::product(V, inside);
  const auto change = inside.to(T.options()) - at::matmul(T, Q);
  const auto half = at::matmul(change - at::matmul(Q, at::matmul(Q.t(), change)) / 2, Q.t());
  const auto ritz = from_gram(SmallMatrix(T + half + half.t()), V.scalar_type() != at::kDouble);
  const auto Y = ritz.Q.view().narrow(1, 0, k), theta = to_tensor(ritz.S, at::kDouble).narrow(0, 0, k).square();
  // Where rounding is all there is of an eigenvalue, it is all there is beyond V.
  const auto certain = theta > machine_epsilon(V.scalar_type()) * theta[0];
  const auto along = at::matmul(Q.t(), Y) * at::where(certain, 1 / theta, at::zeros_like(theta));
  return kernels::product(V, Y.to(V.options())) + at::matmul(beyond, along.to(V.options()));
}

}  // namespace fanion::linalg
