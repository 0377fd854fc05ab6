#include "fanion/linalg/projected_svd.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/linalg_eigh.h>
#include <ATen/ops/linalg_qr.h>
#include <ATen/ops/linalg_svd.h>
#include <ATen/ops/matmul.h>

namespace fanion::linalg {

ProjectedSvd from_gram(const at::Tensor& T, bool in_float) {
  const bool single = in_float && T.size(0) > kSmallProblem;
  const double largest = single ? T.diagonal().amax().item<double>() : 0;
  const double scale = largest > 0 ? largest : 1;
  const auto [theta, vectors] = at::linalg_eigh(largest > 0 ? (T / scale).to(at::kFloat) : T, "U");
  return {{}, (theta.flip(0).to(at::kDouble).clamp_min(0) * scale).sqrt(), vectors.flip(1).to(at::kDouble), single};
}

ProjectedSvd full_svd(const at::Tensor& B, int64_t columns) {
  auto [P, S, Qh] = at::linalg_svd(B, /*full_matrices=*/true);
  return {P.narrow(1, 0, columns), S, Qh.t()};
}

ProjectedSvd refined(const at::Tensor& B, const at::Tensor& Q, int64_t columns) {
  const auto basis = std::get<0>(at::linalg_qr(Q.narrow(1, 0, columns)));
  auto [P, S, Nh] = at::linalg_svd(at::matmul(B, basis), /*full_matrices=*/false);
  return {P, S, at::matmul(basis, Nh.t())};
}

}  // namespace fanion::linalg
