#include "fanion/linalg/projected_svd.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linalg_eigh.h>
#include <ATen/ops/linalg_qr.h>
#include <ATen/ops/linalg_svd.h>
#include <ATen/ops/matmul.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "fanion/linalg/small_matrix.h"
#include "fanion/linalg/symmetric_eigen.h"

namespace fanion::linalg {
namespace {

/// √(θ·scale) and vectors from the last to the first, in one sweep: a call of ATen takes as long for a small problem.
template <class Real>
void reverse(const at::Tensor& theta, const at::Tensor& vectors, double scale, ProjectedSvd& to) {
  const int64_t n = theta.size(0);
  const auto from = vectors.accessor<Real, 2>();
  const auto* values = theta.const_data_ptr<Real>();
  auto *S = to.S.data_ptr<double>(), *Q = to.Q.data_ptr<double>();
  for (int64_t j = 0; j < n; ++j) S[j] = std::sqrt(std::max<double>(values[n - 1 - j], 0) * scale);
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < n; ++j) Q[i * n + j] = from[i][n - 1 - j];
}

/// The same of a tiny problem in plain loops.
std::optional<ProjectedSvd> from_tiny(const at::Tensor& T) {
  const int64_t n = T.size(0);
  const auto eigen = symmetric_eigen(SmallMatrix(T));
  if (!eigen) return std::nullopt;
  ProjectedSvd svd{{}, at::empty({n}, at::kDouble), at::empty({n, n}, at::kDouble)};
  auto *S = svd.S.data_ptr<double>(), *Q = svd.Q.data_ptr<double>();
  for (int64_t j = 0; j < n; ++j) {
    S[j] = std::sqrt(std::max(eigen->values[j], 0.0));
    for (int64_t i = 0; i < n; ++i) Q[i * n + j] = eigen->vectors[j][i];
  }
  return svd;
}

}  // namespace

ProjectedSvd from_gram(const at::Tensor& T, bool in_float) {
  constexpr int64_t kTiny = 48;
  if (T.size(0) <= kTiny)
    if (auto svd = from_tiny(T)) return std::move(*svd);
  const bool single = in_float && T.size(0) > kSmallProblem;
  const double largest = single ? T.diagonal().amax().item<double>() : 0;
  const double scale = largest > 0 ? largest : 1;
  const auto [theta, vectors] = at::linalg_eigh(largest > 0 ? (T / scale).to(at::kFloat) : T, "U");
  ProjectedSvd descending{{}, at::empty({T.size(0)}, at::kDouble), at::empty(T.sizes(), at::kDouble), single};
  single ? reverse<float>(theta, vectors, scale, descending) : reverse<double>(theta, vectors, scale, descending);
  return descending;
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
