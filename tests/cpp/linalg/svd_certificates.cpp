#include "linalg/svd_certificates.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/linalg_eigh.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/matmul.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "certificates.h"
#include "fanion/linalg/svd_method_traits.h"

namespace fanion::testing {
namespace {

using linalg::SvdCriterion;
using linalg::SvdResult;
using linalg::SvdStatus;

double nonzero_or_one(double x) { return x > 0 ? x : 1; }

/// What denormal values are apart in the dtype of the result.
double smallest_number(at::ScalarType dtype) {
  return dtype == at::kDouble ? std::numeric_limits<double>::denorm_min() : std::numeric_limits<float>::denorm_min();
}

/// Ŝ of A/scale, in double.
at::Tensor scaled_values(const SvdResult& svd, double scale) { return svd.S.to(at::kDouble) / scale; }

}  // namespace

std::vector<linalg::SvdMethod> every_method() {
  std::vector<linalg::SvdMethod> methods;
  for (const auto& row : linalg::svd_methods())
    if (row.method != linalg::SvdMethod::automatic) methods.push_back(row.method);
  return methods;
}

Judged::Judged(const at::Tensor& matrix)
    : A(matrix),
      scale(nonzero_or_one(largest_entry(matrix))),
      scaled(matrix.to(at::kDouble) / scale),
      exact(exact_svd(scaled)),
      sigma(exact_singular_values(scaled)),
      eps(working_eps(matrix.scalar_type()) + smallest_number(matrix.scalar_type()) / scale) {}

double Judged::rank_k_error(const SvdResult& svd) const {
  const auto k = static_cast<std::size_t>(svd.S.numel());
  const auto U = svd.U.to(at::kDouble), V = svd.V.to(at::kDouble), S = scaled_values(svd, scale);
  std::size_t first = k - 1, end = k;  // the values that count as σ_k
  const double tie = 64 * eps * sigma[0];
  while (first > 0 && sigma[first - 1] - sigma[k - 1] <= tie) --first;
  while (end < sigma.size() && sigma[k - 1] - sigma[end] <= tie) ++end;
  const auto begin = static_cast<int64_t>(first), count = static_cast<int64_t>(end - first);
  const auto X = at::matmul(U * S, V.t());
  auto best = at::matmul(exact.U.narrow(1, 0, begin) * exact.S.narrow(0, 0, begin), exact.V.narrow(1, 0, begin).t());
  const auto Uc = exact.U.narrow(1, begin, count), Vc = exact.V.narrow(1, begin, count);
  // Of all Uc P Vcᵀ with a projector P of the rank that is left, the nearest takes the leading eigenvectors of the
  // symmetric part of UcᵀXVc; for k = end that is the whole group.
  const auto left = static_cast<int64_t>(k - first);
  if (left == count) {
    best = best + at::matmul(Uc * exact.S.narrow(0, begin, count), Vc.t());
  } else {
    const auto M = at::matmul(at::matmul(Uc.t(), X), Vc);
    const auto W = std::get<1>(at::linalg_eigh(M + M.t())).narrow(1, count - left, left);
    best = best + sigma[k - 1] * at::matmul(at::matmul(Uc, W), at::matmul(Vc, W).t());
  }
  return relative_error(X, best);
}

double Judged::lmo_gap(const SvdResult& svd) const {
  const double whole = std::accumulate(sigma.begin(), sigma.begin() + svd.S.numel(), 0.0);
  return whole > 0 ? 1 - scaled_values(svd, scale).sum().item<double>() / whole : 0.0;
}

std::vector<double> Judged::residuals(const SvdResult& svd) const {
  return triplet_residual_norms(scaled, svd.U, scaled_values(svd, scale), svd.V);
}

double Judged::residual(const SvdResult& svd) const {
  const auto norms = residuals(svd);
  const double largest = *std::max_element(norms.begin(), norms.end()), sigma1 = svd.S[0].item<double>() / scale;
  return sigma1 > 0 ? largest / sigma1 : largest;
}

std::vector<std::string> broken_promises(const Judged& A, const SvdResult& svd, double tol) {
  std::vector<std::string> broken;
  const auto claim = [&](bool holds, const auto&... words) {
    if (!holds) broken.push_back(c10::str(words...));
  };
  const auto& report = svd.report;
  const auto& bounds = report.bounds;
  const auto k = svd.S.numel();
  // Factors come from a few orthogonal transformations in working precision, of columns no longer than 70.
  const double rounding = 200 * A.eps;
  for (const auto& Q : {svd.U, svd.V})
    claim(orthonormality_error(Q) <= rounding, "vectors are orthonormal to ", orthonormality_error(Q), " only");

  // Values carry the error of a product in working precision, relative to σ₁.
  const double slack = rounding * A.sigma[0];
  const auto S = scaled_values(svd, A.scale);
  for (int64_t i = 0; i < k; ++i) {
    const double found = S[i].item<double>(), value = A.sigma[i];
    claim(found <= value + slack, "sigma[", i, "] = ", value, " is below what was found, ", found);
    claim(i == 0 || found <= S[i - 1].item<double>(), "not descending at ", i);
    if (!bounds.upper.defined()) continue;
    const double upper = bounds.upper[i].item<double>() / A.scale;
    claim(value <= upper + slack, "sigma[", i, "] = ", value, " is above its bound ", upper);
  }
  // What is returned has these residuals, however much rounding is in them; the judge's own is that of float64, and of
  // the values where those are denormal.
  const double own = (A.eps - working_eps(A.A.scalar_type()) + 1e-15) * A.sigma[0];
  if (report.residuals.defined()) {
    const auto true_ones = A.residuals(svd);
    for (int64_t i = 0; i < k; ++i) {
      const double reported = report.residuals[i].item<double>() / A.scale;
      claim(true_ones[i] <= reported * (1 + 1e-6) + own, "residual ", i, " is ", true_ones[i], ", reported ", reported);
    }
  }
  const auto beyond = static_cast<std::size_t>(k);
  const double next = beyond < A.sigma.size() ? A.sigma[beyond] : 0;
  claim(next <= bounds.next_upper / A.scale + slack, "sigma[", k, "] = ", next, " is above its bound ",
        bounds.next_upper / A.scale);
  const double rank_k = A.rank_k_error(svd), gap = A.lmo_gap(svd), residual = A.residual(svd);
  // Thirty roundings of A move A_k by as many over the gap; where there is none, `rank_k_error` knows.
  const double distance = A.sigma[beyond - 1] - next;
  const double moved = rounding + (distance > 64 * A.eps * A.sigma[0] ? 30 * A.eps * A.sigma[0] / distance : 0);
  claim(rank_k <= bounds.rank_k + moved, "rank-k error ", rank_k, " is above its bound ", bounds.rank_k);
  claim(gap <= bounds.lmo_gap + rounding, "LMO gap ", gap, " is above its bound ", bounds.lmo_gap);

  if (report.status != SvdStatus::converged) return broken;
  if (report.criterion == SvdCriterion::residual)
    claim(residual <= tol * (1 + 1e-6) + own, "converged, but the residual is ", residual);
  if (report.criterion == SvdCriterion::rank_k)
    claim(rank_k <= tol + moved, "converged, but the rank-k error is ", rank_k);
  if (report.criterion == SvdCriterion::lmo_gap) claim(gap <= tol + rounding, "converged, but the LMO gap is ", gap);
  return broken;
}

}  // namespace fanion::testing
