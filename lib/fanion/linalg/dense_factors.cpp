#include "fanion/linalg/dense_factors.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/linalg_svd.h>

#include "fanion/dtype_limits.h"

namespace fanion::linalg {

DenseFactors dense_factors(const at::Tensor& A, int64_t k) {
  const auto scale =
      A.abs().amax({-2, -1}, /*keepdim=*/true).clamp_min(smallest_normal(A.scalar_type()));  // a zero matrix stays zero
  auto [U, S, Vh] = at::linalg_svd(A / scale, /*full_matrices=*/false);
  auto all = (S.to(at::kDouble) * scale.squeeze(-1).to(at::kDouble)).to(at::kCPU).contiguous();
  return {U.narrow(-1, 0, k).contiguous(), S.narrow(-1, 0, k) * scale.squeeze(-1),
          Vh.narrow(-2, 0, k).mT().contiguous(), std::move(all)};
}

}  // namespace fanion::linalg
