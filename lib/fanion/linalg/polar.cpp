// Method: QDWH, then a separation of zero singular values from rounding noise.
// Algorithm: X₀ = M/‖M‖_F and X ← X(aI + bXᵀX)(I + cXᵀX)⁻¹ with the weights (a, b, c) that map [l, 1] as close to 1 as
//   possible, l being the lower bound of what is left; l₀ = tol. While c is large the step goes through a QR
//   factorisation of [√c X; I], which never squares X; later through a Cholesky factorisation of I + cXᵀX.
//   All weights follow from tol, so that no singular value is estimated. Values below tol end anywhere in [0, 1]:
//   X ← X(5XᵀX − 3(XᵀX)²)/2, which has 0 and 1 as its attractive fixed points, sends them to one of the two.
// References: Nakatsukasa, Bai & Gygi 2010, §3, eq. 3.10 (weights), §4 (QR); Nakatsukasa & Higham 2013 (Cholesky for
//   c ≤ 100, stability).
// Rounding: backward stable. The separating map has its threshold at 0.82, which lies between tol/100 and tol;
//   a value closer to it than rounding needs some 70 snaps to leave it, hence kMostSnaps.

#include "fanion/linalg/polar.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/cholesky_solve.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/linalg_cholesky_ex.h>
#include <ATen/ops/linalg_qr.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/matmul.h>
#include <c10/util/Exception.h>

#include <cmath>

#include "fanion/dtype_limits.h"
#include "fanion/linalg/polar/multiply_add.h"
#include "fanion/names.h"
#include "fanion/no_autocast.h"

namespace fanion::linalg {
namespace {

constexpr double kMostCholesky = 100;  // Nakatsukasa & Higham 2013: I + cXᵀX then has a condition number below 101
constexpr int64_t kMostSnaps = 100;
constexpr std::array<Named<PolarStatus>, 2> kPolarStatuses{
    {{PolarStatus::converged, "converged"}, {PolarStatus::exhausted, "exhausted"}}};

struct Weights {
  double a, b, c;
};

/// The weights for singular values in [l, 1].
Weights halley_weights(double l) {
  const double square = l * l, d = std::cbrt(4 * (1 - square) / (square * square)), root = std::sqrt(1 + d);
  const double a = root + std::sqrt(8 - 4 * d + 8 * (2 - square) / (square * root)) / 2;
  const double b = (a - 1) * (a - 1) / 4;
  return {a, b, a + b - 1};
}

at::Tensor qr_step(const at::Tensor& X, const Weights& w) {
  const int64_t m = X.size(-2), n = X.size(-1);
  auto sizes = X.sizes().vec();
  sizes[sizes.size() - 2] = n;
  const double root = std::sqrt(w.c);
  const auto stacked = at::cat({X * root, at::eye(n, X.options()).expand(sizes)}, -2);
  const auto Q = std::get<0>(at::linalg_qr(stacked));
  return multiply_add(X, Q.narrow(-2, 0, m), Q.narrow(-2, m, n).mT(), w.b / w.c, (w.a - w.b / w.c) / root);
}

at::Tensor cholesky_step(const at::Tensor& X, const Weights& w) {
  auto Z = at::matmul(X.mT(), X).mul_(w.c);
  Z.diagonal(0, -2, -1).add_(1);
  const auto L = std::get<0>(at::linalg_cholesky_ex(Z));
  return X * (w.b / w.c) + at::cholesky_solve(X.mT(), L).mT() * (w.a - w.b / w.c);
}

/// Largest entry 1, then Frobenius norm 1, so that no square leaves the range; zero stays zero.
at::Tensor scaled_to_unit_norm(const at::Tensor& M) {
  const double smallest = smallest_normal(M.scalar_type());
  const auto X = M / M.abs().amax({-2, -1}, /*keepdim=*/true).clamp_min(smallest);
  const auto norm = at::linalg_vector_norm(X, 2, {{-2, -1}}, /*keepdim=*/true, at::kDouble).to(M.scalar_type());
  return X / norm.clamp_min(smallest);
}

at::Tensor checked(const at::Tensor& M, const PolarOptions& options) {
  TORCH_CHECK_VALUE(M.dim() == 2 || M.dim() == 3, "polar takes (m, n) or (b, m, n), got ", M.sizes());
  TORCH_CHECK_VALUE(M.is_floating_point(), "polar takes a floating-point matrix, got ", M.scalar_type());
  TORCH_CHECK_VALUE(M.numel() > 0, "polar takes a matrix with entries, got ", M.sizes());
  const double eps = machine_epsilon(M.scalar_type());
  TORCH_CHECK_VALUE(options.tol == 0 || (options.tol >= eps && options.tol < 1), "tol = ", options.tol,
                    " must be 0 or lie in [", eps, ", 1)");
  const auto bad = at::isfinite(M).logical_not().sum().item<int64_t>();
  TORCH_CHECK_VALUE(bad == 0, "the matrix has ", bad, " NaN or infinite entries out of ", M.numel());
  return M.detach().to(M.scalar_type() == at::kDouble ? at::kDouble : at::kFloat);
}

}  // namespace

PolarResult polar_with_report(const at::Tensor& M, const PolarOptions& options) {
  const NoAutocast whole;
  const auto widened = checked(M, options);
  const bool wide = M.size(-2) < M.size(-1);
  auto X = scaled_to_unit_norm(wide ? widened.mT() : widened);
  const double eps = machine_epsilon(X.scalar_type()), rounding = 10 * eps * static_cast<double>(X.size(-1));
  PolarReport report;

  double l = options.tol > 0 ? options.tol : X.scalar_type() == at::kDouble ? 1e-13 : 1e-6;
  while (1 - l > 2 * eps && report.iterations < 20) {
    const auto w = halley_weights(l);
    const bool by_qr = w.c > kMostCholesky;
    X = by_qr ? qr_step(X, w) : cholesky_step(X, w);
    l *= (w.a + w.b * l * l) / (1 + w.c * l * l);
    ++report.iterations;
    report.qr_iterations += by_qr;
  }

  for (bool polished = false;; ++report.snaps) {
    const auto P = at::matmul(X.mT(), X);
    const auto defect = at::linalg_vector_norm(at::matmul(X, P) - X, 2, {{-2, -1}}, false, at::kDouble);
    report.isometry_error = defect.amax().item<double>();
    report.rank = P.diagonal(0, -2, -1).sum(-1).round().to(at::kCPU, at::kLong);
    if (report.isometry_error <= rounding) {
      if (polished || report.snaps == 0) break;
      polished = true;  // convergence is quadratic: one more snap takes what is left to rounding
    }
    if (report.snaps == kMostSnaps) {
      report.status = PolarStatus::exhausted;
      break;
    }
    X = at::matmul(X, multiply_add(P, P, P, 2.5, -1.5));
  }
  report.message = c10::str(report.iterations, " Halley steps, ", report.snaps, " snaps, isometry error ",
                            report.isometry_error, report.status == PolarStatus::converged ? "" : ": not converged");
  return {wide ? X.mT() : X, std::move(report)};
}

at::Tensor polar(const at::Tensor& M, const PolarOptions& options) { return polar_with_report(M, options).Q; }

std::string_view name_of(PolarStatus status) { return find_name(kPolarStatuses, status); }

}  // namespace fanion::linalg
