// Method: full SVD of the formed matrix, cut to k triplets.
// Algorithm: LAPACK's divide and conquer (gesdd), through ATen; or, for tall and wide matrices of float32 and fewer
//   bits, the eigenvectors of AᵀA (n ≤ m) in float64 and a Rayleigh–Ritz step with A V_k. Whichever the cost model
//   says. The matrix is scaled by its largest entry first, so that neither squares nor sums leave the range of float32.
// References: Golub & Van Loan, Matrix Computations, 4th ed., §8.6; for the squares §8.6.3.
// Rounding: backward stable; σ_i has an absolute error of about eps·σ₁, so σ_i below eps·σ₁ are noise. Squares in
//   float64 put an error of 1e-16·σ₁² on σ_i², so of 1e-8·σ₁ on σ_i at worst: less than float32's. The bounds take
//   every eigenvalue of AᵀA as known to within 8·eps·√min(m, n)·σ₁².

#include <ATen/TensorOperators.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/linalg_eigh.h>
#include <ATen/ops/matmul.h>

#include <algorithm>
#include <cmath>

#include "fanion/dtype_limits.h"
#include "fanion/host_numbers.h"
#include "fanion/linalg/cost_model.h"
#include "fanion/linalg/dense_factors.h"
#include "fanion/linalg/svd/block_split.h"
#include "fanion/linalg/svd/returned_residuals.h"
#include "fanion/linalg/svd/stopwatch.h"
#include "fanion/linalg/svd/svd_bounds.h"
#include "fanion/linalg/svd/svd_methods.h"

namespace fanion::linalg {

namespace {

/// What `dense_factors` gives, for one matrix with m ≥ n, from the eigenvectors of AᵀA. Cost: 2mn² flops in float64,
/// eigh(n), 2mnk + 8mk² flops.
DenseFactors gram_factors(const at::Tensor& A, int64_t k) {
  const double scale = std::max(A.abs().amax().item<double>(), smallest_normal(A.scalar_type()));
  const auto X = A / scale, wide = X.to(at::kDouble);
  const auto [theta, W] = at::linalg_eigh(at::matmul(wide.t(), wide));
  const auto Q = W.narrow(1, A.size(1) - k, k).flip(1);
  auto ritz = rayleigh_ritz(at::matmul(X, Q.to(A.scalar_type())));
  for (auto& each : ritz.S) each *= scale;
  return {ritz.U, to_tensor(ritz.S, A.options()), ritz.turn(Q).to(A.options()),
          (theta.flip(0).clamp_min(0).sqrt() * scale).to(at::kCPU).contiguous()};
}

/// Whether squares are the cheaper way; never for float64, whose rounding they would double in digits.
bool squares_are_cheaper(const at::Tensor& A, int64_t k) {
  if (A.scalar_type() == at::kDouble) return false;
  const SvdShape shape{.m = A.size(0), .n = A.size(1), .k = k};
  return gram_seconds(shape, svd_costs()) < lapack_seconds(shape, svd_costs());
}

/// The result for one matrix: residuals, bounds, status.
SvdResult dense_result(const LinearOperator& A, const DenseFactors& factors, const SvdOptions& options) {
  const auto& all = factors.all;
  const int64_t k = factors.S.size(0);
  SvdResult result{factors.U, factors.S, factors.V, {}};
  auto& report = result.report;
  report.method = SvdMethod::dense;
  report.criterion = options.criterion;
  report.residuals = triplet_residuals(A, result.U, result.S, result.V);

  const auto count = static_cast<double>(all.size(0));
  const double eps = A.relative_rounding(all[0].item<double>());
  std::vector<double> theta, residual;
  EigenvalueBounds upper{{}, BoundKind::proved};
  for (int64_t i = 0; i <= k; ++i) {
    const double sigma = i < all.size(0) ? all[i].item<double>() : 0.0;
    if (i < k) theta.push_back(sigma * sigma);
    if (i < k) residual.push_back(report.residuals[i].item<double>() * sigma);
    upper.upper.push_back(i < all.size(0) ? sigma * sigma + 8 * eps * std::sqrt(count) * theta[0] : 0.0);
  }
  report.bounds = svd_bounds(theta, residual, std::move(upper), eps);
  const double largest = report.residuals.max().item<double>();
  const double value =
      criterion_value(options.criterion, report.bounds, theta[0] > 0 ? largest / std::sqrt(theta[0]) : 0.0);
  report.status =
      value <= options.tol || options.criterion == SvdCriterion::passes ? SvdStatus::converged : SvdStatus::exhausted;
  report.message = c10::str("full SVD of ", A.rows(), " x ", A.cols(), ", largest residual ", largest);
  return result;
}

}  // namespace

SvdResult dense_svd(const LinearOperator& A, int64_t k, const InnerOptions& options) {
  double seconds = 0;
  DenseFactors factors;
  const auto formed = A.to_dense();
  const bool squares = squares_are_cheaper(formed, k);
  {
    const Stopwatch watch(seconds);
    const bool flip = A.rows() < A.cols();
    factors = squares ? gram_factors(flip ? formed.t() : formed, k) : dense_factors(formed, k);
    if (squares && flip) std::swap(factors.U, factors.V);
  }
  auto result = dense_result(A, factors, options);
  result.report.seconds.projected = seconds;
  if (squares) result.report.message += ", from the eigenvectors of its Gram matrix";
  return result;
}

std::vector<SvdResult> dense_batch(const at::Tensor& A, int64_t k, const SvdOptions& options) {
  const auto factors = dense_factors(A, k);
  std::vector<SvdResult> results;
  for (int64_t i = 0; i < A.size(0); ++i) {
    const DenseOperator op(A[i]);
    results.push_back(
        dense_result(op, {factors.U[i], factors.S[i], factors.V[i], factors.all[i].contiguous()}, options));
    settle_residuals(op, options, op.count().reads, results.back());
    results.back().report.products = op.count().forward + op.count().adjoint;
    results.back().report.reads = op.count().reads;
  }
  return results;
}

}  // namespace fanion::linalg
