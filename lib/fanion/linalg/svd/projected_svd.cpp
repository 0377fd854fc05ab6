#include "fanion/linalg/svd/projected_svd.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/linalg_eigh.h>
#include <ATen/ops/linalg_qr.h>
#include <ATen/ops/linalg_svd.h>
#include <ATen/ops/matmul.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "fanion/host_numbers.h"
#include "fanion/linalg/dense/symmetric_eigen.h"

namespace fanion::linalg {
namespace {

/// √(θ·scale) and vectors from the last to the first.
template <class Real>
void reverse(const at::Tensor& theta, const at::Tensor& vectors, double scale, ProjectedSvd& to) {
  const int64_t n = theta.size(0);
  const auto from = vectors.accessor<Real, 2>();
  const auto* values = theta.const_data_ptr<Real>();
  for (int64_t j = 0; j < n; ++j) to.S[j] = std::sqrt(std::max<double>(values[n - 1 - j], 0) * scale);
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < n; ++j) to.Q[i][j] = from[i][n - 1 - j];
}

/// The same of a tiny problem in plain loops.
std::optional<ProjectedSvd> from_tiny(const SmallMatrix& T) {
  const int64_t n = T.rows();
  auto eigen = symmetric_eigen(T);
  if (!eigen) return std::nullopt;
  ProjectedSvd svd{{}, std::move(eigen->values), SmallMatrix(n, n)};
  for (int64_t j = 0; j < n; ++j) {
    svd.S[j] = std::sqrt(std::max(svd.S[j], 0.0));
    for (int64_t i = 0; i < n; ++i) svd.Q[i][j] = eigen->vectors[j][i];
  }
  return svd;
}

}  // namespace

ProjectedSvd from_gram(const SmallMatrix& T, bool in_float) {
  constexpr int64_t kTiny = 48;
  const int64_t n = T.rows();
  if (n <= kTiny)
    if (auto svd = from_tiny(T)) return std::move(*svd);
  const bool single = in_float && n > kSmallProblem;
  double largest = 0;
  for (int64_t i = 0; single && i < n; ++i) largest = std::max(largest, T[i][i]);
  const double scale = largest > 0 ? largest : 1;
  const auto all = T.view();
  const auto [theta, vectors] = at::linalg_eigh(largest > 0 ? (all / scale).to(at::kFloat) : all, "U");
  ProjectedSvd descending{{}, std::vector<double>(n), SmallMatrix(n, n), single};
  single ? reverse<float>(theta, vectors, scale, descending) : reverse<double>(theta, vectors, scale, descending);
  return descending;
}

ProjectedSvd full_svd(const at::Tensor& B, int64_t columns) {
  auto [P, S, Qh] = at::linalg_svd(B, /*full_matrices=*/true);
  return {P.narrow(1, 0, columns), to_doubles(S), SmallMatrix(Qh.t())};
}

ProjectedSvd refined(const at::Tensor& B, const SmallMatrix& Q, int64_t columns) {
  const auto basis = std::get<0>(at::linalg_qr(Q.view().narrow(1, 0, columns)));
  auto [P, S, Nh] = at::linalg_svd(at::matmul(B, basis), /*full_matrices=*/false);
  return {P, to_doubles(S), SmallMatrix(at::matmul(basis, Nh.t()))};
}

}  // namespace fanion::linalg
