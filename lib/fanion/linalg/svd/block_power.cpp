#include "fanion/linalg/svd/block_power.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/linalg_qr.h>
#include <ATen/ops/linalg_svd.h>
#include <ATen/ops/linalg_svdvals.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/matmul.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "fanion/host_numbers.h"
#include "fanion/kernels/skinny_product.h"
#include "fanion/linalg/svd/block_split.h"
#include "fanion/linalg/svd/krylov/block_lanczos.h"
#include "fanion/linalg/svd/returned_residuals.h"
#include "fanion/linalg/svd/standstill.h"
#include "fanion/linalg/svd/stopwatch.h"
#include "fanion/linalg/svd/svd_bounds.h"

namespace fanion::linalg {
namespace {

constexpr int64_t kMostPasses = 1000;  // where no budget was given

/// (AᵀA)^q Ω = W·G·exp(log_scale): what q passes have made of the random start.
class Growth {
 public:
  explicit Growth(const at::Tensor& triangle, int64_t random)
      : G_(triangle.narrow(1, triangle.size(1) - random, random)), random_(random) {}
  void pass(const at::Tensor& R1, const at::Tensor& R2) {
    G_ = at::matmul(R2, at::matmul(R1, G_));
    const double norm = at::linalg_vector_norm(G_).item<double>();
    ++passes_;
    if (norm == 0) return;
    G_ = G_ / norm;
    log_scale_ += std::log(norm);
  }
  /// λᵢ ≤ (σᵢ((AᵀA)^q Ω)/c)^{1/q}, as σᵢ((AᵀA)^q Ω) ≥ λᵢ^q σ_min(ΩᵀX) for the first i eigenvectors X.
  std::vector<double> upper(int64_t count) const {
    const auto values = to_doubles(at::linalg_svdvals(G_));
    std::vector<double> bounds(count, std::numeric_limits<double>::infinity());
    for (int64_t i = 0; i < std::min(count, random_); ++i) {
      const double log_value = std::log(std::max(values[i], 1e-300)) + log_scale_;
      bounds[i] = std::exp((log_value - std::log(least_component(random_, i + 1))) / static_cast<double>(passes_));
    }
    for (int64_t i = 1; i < count; ++i) bounds[i] = std::min(bounds[i], bounds[i - 1]);
    return bounds;
  }

 private:
  at::Tensor G_;
  int64_t random_;
  int64_t passes_ = 0;
  double log_scale_ = 0;
};

/// Upper triangular R of a QR factorisation: in double where X is on the CPU, else on X's device.
struct Triangle {
  SmallMatrix host;
  at::Tensor device;
  at::Tensor tensor() const { return device.defined() ? device : host.view(); }  ///< while this lives
};

/// Q in X's dtype, and R.
std::pair<at::Tensor, Triangle> qr(at::Tensor X, double& seconds) {
  const Stopwatch watch(seconds);
  if (X.device().is_cpu()) {
    auto [Q, R] = thin_qr(std::move(X));
    return {std::move(Q), Triangle{std::move(R), {}}};
  }
  auto [Q, R] = at::linalg_qr(X);
  return {std::move(Q), Triangle{{}, std::move(R)}};
}

/// Where a column of A W has less than this of what the first has, Aᵀ(A W) cannot tell Aᵀ of its direction to four
/// digits in float32.
constexpr double kLeast = 0.03;

/// One pass without a test: Q = orth(A W) and AᵀQ, (m, b) and (n, b). Of an operator that is not formed, but gives A W
/// and Z = Aᵀ(A W) in one read, AᵀQ is Z R⁻¹ for A W = Q R.
std::pair<at::Tensor, at::Tensor> passed(const LinearOperator& A, const at::Tensor& W, SvdSeconds& seconds) {
  const auto timed = [](double& to, const auto& f) {
    const Stopwatch watch(to);
    return f();
  };
  if (!A.is_formed() && A.gram_reads(W.size(1)) > 0 && A.options().device().is_cpu()) {
    auto [Y, Z] = timed(seconds.products, [&] { return A.apply_gram(W); });
    const bool in_range = squares_in_range(largest_column(Z), A);
    auto [Q, R] = timed(seconds.basis, [&] { return thin_qr(std::move(Y)); });
    double least = std::abs(R[0][0]), most = least;
    for (int64_t i = 1; i < R.rows(); ++i)
      least = std::min(least, std::abs(R[i][i])), most = std::max(most, std::abs(R[i][i]));
    if (in_range && least > kLeast * most) {
      const Stopwatch watch(seconds.basis);
      SmallMatrix inverse(R.rows(), R.rows());
      for (int64_t i = 0; i < R.rows(); ++i) inverse[i][i] = 1;
      solve_right(inverse, R);
      return {std::move(Q), combination(Z, inverse)};
    }
    auto adjoint = timed(seconds.products, [&] { return A.apply_adjoint(Q); });
    return {std::move(Q), std::move(adjoint)};
  }
  auto Y = timed(seconds.products, [&] { return A.apply(W); });
  auto Q = std::get<0>(qr(std::move(Y), seconds.basis));
  auto adjoint = timed(seconds.products, [&] { return A.apply_adjoint(Q); });
  return {std::move(Q), std::move(adjoint)};
}

}  // namespace

SvdResult block_power(const LinearOperator& A, int64_t k, const SvdOptions& options, const at::Tensor& start,
                      int64_t random) {
  const int64_t b = start.size(1), limit = std::min(A.rows(), A.cols());
  const bool fixed = options.criterion == SvdCriterion::passes;
  const int64_t most = options.passes.value_or(kMostPasses);
  SvdResult result;
  auto& report = result.report;
  auto& seconds = report.seconds;
  const auto apply = [&](const at::Tensor& X, bool adjoint) {
    const Stopwatch watch(seconds.products);
    return adjoint ? A.apply_adjoint(X) : A.apply(X);
  };
  const auto triplets = [&](const at::Tensor& Q, const at::Tensor& W, const Triangle& R) {
    auto [P, S, Nh] = at::linalg_svd(R.tensor().t(), /*full_matrices=*/false);
    const auto N = Nh.narrow(0, 0, k).t().to(A.options());
    result.U = kernels::product(Q, P.narrow(1, 0, k).to(A.options()));
    result.S = S.narrow(0, 0, k).to(A.options());
    result.V = kernels::product(W, N);
    return N;
  };

  at::Tensor W = start, Q;
  Triangle R1, R2;
  if (fixed) {  // a training step: nothing but the passes
    for (int64_t pass = 0; pass < most; ++pass) {
      auto [orthonormal, adjoint] = passed(A, W, seconds);
      Q = std::move(orthonormal);
      if (pass + 1 == most && adjoint.device().is_cpu()) {
        const Stopwatch watch(seconds.projected);
        const auto ritz = rayleigh_ritz(std::move(adjoint));
        result.U = ritz.turn(Q).narrow(1, 0, k);
        result.S = to_tensor(ritz.S, A.options()).narrow(0, 0, k);
        result.V = ritz.U.narrow(1, 0, k);
      } else {
        std::tie(W, R2) = qr(std::move(adjoint), seconds.basis);
      }
    }
    if (!result.S.defined()) triplets(Q, W, R2);
    report.status = SvdStatus::passes;
    report.message = c10::str(most, " passes with ", b, " columns");
    return result;
  }

  std::tie(W, R2) = qr(start.clone(), seconds.basis);  // it may be the caller's
  Growth growth(R2.tensor().to(at::kCPU, at::kDouble, /*non_blocking=*/false, /*copy=*/true), random);
  EigenvalueBounds known{std::vector<double>(k + 1, std::numeric_limits<double>::infinity()), BoundKind::none};
  const auto squared = A.frobenius_squared();
  auto Y = apply(W, false);
  report.status = SvdStatus::exhausted;
  double value = 0;
  int64_t pass = 0;
  // What is left of a bound falls with 1/passes, long after residuals have reached rounding.
  Standstill standstill(20, options.criterion == SvdCriterion::residual ? 0 : 0.7);
  for (;;) {
    std::tie(Q, R1) = qr(Y, seconds.basis);
    std::tie(W, R2) = qr(apply(Q, true), seconds.basis);
    growth.pass(R1.tensor().to(at::kCPU, at::kDouble), R2.tensor().to(at::kCPU, at::kDouble));
    ++pass;
    Y = apply(W, false);
    const Stopwatch watch(seconds.projected);
    const auto N = triplets(Q, W, R2);
    report.residuals =
        at::linalg_vector_norm(at::matmul(Y, N) - result.U * result.S, 2, {{0}}, false, at::kDouble).to(at::kCPU);
    auto theta = to_doubles(at::linalg_svdvals(R2.tensor())), residual = to_doubles(report.residuals);
    const double sigma1 = theta[0];
    const double eps = A.relative_rounding(sigma1), relative_to = sigma1 > 0 ? sigma1 : 1;
    double worst = 0, total = 0;
    for (int64_t i = 0; i < k; ++i) worst = std::max(worst, residual[i]), residual[i] *= theta[i];
    for (auto& each : theta) each *= each, total += each;
    const auto upper = growth.upper(k + 1);
    const double slack = 8 * eps * theta[0] * std::sqrt(static_cast<double>(b));
    for (int64_t i = 0; i <= k; ++i) {
      const double rest =
          squared ? std::max(*squared - total, 0.0) + 8 * eps * *squared : std::numeric_limits<double>::infinity();
      const double proved = (i < b ? theta[i] : 0.0) + rest + slack;
      if (proved < known.upper[i]) {
        known.upper[i] = proved;
        if (known.kind == BoundKind::none) known.kind = BoundKind::proved;
      }
      if (upper[i] + slack < known.upper[i]) {
        known.upper[i] = upper[i] + slack;
        known.kind = BoundKind::probabilistic;
      }
    }
    if (k == limit) known.upper[k] = 0;
    report.bounds = svd_bounds(theta, residual, known, eps);
    value = criterion_value(options.criterion, report.bounds, sigma1 > 0 ? worst / sigma1 : 0.0);
    // Near rounding the residuals of what is returned are measured, and half of tol leaves room for it.
    const bool judged = options.criterion == SvdCriterion::residual, near = near_rounding(options.tol, A, sigma1);
    const double allowed = judged ? near ? options.tol / 2 : options.tol - residual_rounding(A, sigma1) : options.tol;
    if (value <= allowed) report.status = SvdStatus::converged;
    if (report.status == SvdStatus::converged || pass >= most) break;
    if (standstill.seen(worst / relative_to, value, eps)) break;
  }
  report.message = c10::str(pass, " passes with ", b, " columns, ", name_of(options.criterion), " ", value);
  return result;
}

}  // namespace fanion::linalg
