#include "fanion/linalg/svd/block_power.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/linalg_qr.h>
#include <ATen/ops/linalg_svd.h>
#include <ATen/ops/linalg_svdvals.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/matmul.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "fanion/host_numbers.h"
#include "fanion/kernels/skinny_product.h"
#include "fanion/linalg/svd/block_split.h"
#include "fanion/linalg/svd/krylov/block_lanczos.h"
#include "fanion/linalg/svd/power_growth.h"
#include "fanion/linalg/svd/returned_residuals.h"
#include "fanion/linalg/svd/standstill.h"
#include "fanion/linalg/svd/stopwatch.h"
#include "fanion/linalg/svd/svd_bounds.h"

namespace fanion::linalg {
namespace {

constexpr int64_t kMostPasses = 1000;  // where no budget was given

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

/// U, S and V of the k leading triplets of A ≈ Q Rᵀ Wᵀ into `result`; returns the right singular vectors of Rᵀ.
at::Tensor take_triplets(SvdResult& result, const LinearOperator& A, int64_t k, const at::Tensor& Q,
                         const at::Tensor& W, const Triangle& R) {
  auto [P, S, Nh] = at::linalg_svd(R.tensor().t(), /*full_matrices=*/false);
  const auto N = Nh.narrow(0, 0, k).t().to(A.options());
  result.U = kernels::product(Q, P.narrow(1, 0, k).to(A.options()));
  result.S = S.narrow(0, 0, k).to(A.options());
  result.V = kernels::product(W, N);
  return N;
}

/// A training step: nothing but the passes.
SvdResult fixed_passes(const LinearOperator& A, int64_t k, int64_t passes, const at::Tensor& start) {
  SvdResult result;
  auto& report = result.report;
  at::Tensor W = start, Q;
  Triangle R;
  for (int64_t pass = 0; pass < passes; ++pass) {
    auto [orthonormal, adjoint] = passed(A, W, report.seconds);
    Q = std::move(orthonormal);
    if (pass + 1 == passes && adjoint.device().is_cpu()) {
      const Stopwatch watch(report.seconds.projected);
      const auto ritz = rayleigh_ritz(std::move(adjoint));
      result.U = ritz.turn(Q).narrow(1, 0, k);
      result.S = to_tensor(ritz.S, A.options()).narrow(0, 0, k);
      result.V = ritz.U.narrow(1, 0, k);
    } else {
      std::tie(W, R) = qr(std::move(adjoint), report.seconds.basis);
    }
  }
  if (!result.S.defined()) take_triplets(result, A, k, Q, W, R);
  report.status = SvdStatus::passes;
  report.message = c10::str(passes, " passes with ", start.size(1), " columns");
  return result;
}

/// Lowers what is known of λ₁ … λ_{k+1} by the squared Ritz values θ of a pass, ‖A‖_F² where it is known, and the
/// start's growth.
void tighten(EigenvalueBounds& known, const std::vector<double>& theta, const std::optional<double>& squared,
             const std::vector<double>& random, double eps) {
  double total = 0;
  for (const double each : theta) total += each;
  const auto b = std::ssize(theta);
  const double slack = 8 * eps * theta[0] * std::sqrt(static_cast<double>(b));
  for (int64_t i = 0; i < std::ssize(known.upper); ++i) {
    const double rest =
        squared ? std::max(*squared - total, 0.0) + 8 * eps * *squared : std::numeric_limits<double>::infinity();
    const double proved = (i < b ? theta[i] : 0.0) + rest + slack;
    if (proved < known.upper[i]) {
      known.upper[i] = proved;
      if (known.kind == BoundKind::none) known.kind = BoundKind::proved;
    }
    if (random[i] + slack < known.upper[i]) {
      known.upper[i] = random[i] + slack;
      known.kind = BoundKind::probabilistic;
    }
  }
}

}  // namespace

SvdResult block_power(const LinearOperator& A, int64_t k, const SvdOptions& options, const at::Tensor& start,
                      int64_t random) {
  const int64_t b = start.size(1), limit = std::min(A.rows(), A.cols());
  const int64_t most = options.passes.value_or(kMostPasses);
  if (options.criterion == SvdCriterion::passes) return fixed_passes(A, k, most, start);
  SvdResult result;
  auto& report = result.report;
  auto& seconds = report.seconds;
  const auto apply = [&](const at::Tensor& X, bool adjoint) {
    const Stopwatch watch(seconds.products);
    return adjoint ? A.apply_adjoint(X) : A.apply(X);
  };
  at::Tensor W, Q;
  Triangle R1, R2;
  std::tie(W, R2) = qr(start.clone(), seconds.basis);  // it may be the caller's
  PowerGrowth growth(R2.tensor().to(at::kCPU, at::kDouble, /*non_blocking=*/false, /*copy=*/true), random);
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
    const auto N = take_triplets(result, A, k, Q, W, R2);
    report.residuals =
        at::linalg_vector_norm(at::matmul(Y, N) - result.U * result.S, 2, {{0}}, false, at::kDouble).to(at::kCPU);
    auto theta = to_doubles(at::linalg_svdvals(R2.tensor())), residual = to_doubles(report.residuals);
    const double sigma1 = theta[0];
    const double eps = A.relative_rounding(sigma1), relative_to = sigma1 > 0 ? sigma1 : 1;
    double worst = 0;
    for (int64_t i = 0; i < k; ++i) worst = std::max(worst, residual[i]), residual[i] *= theta[i];
    for (auto& each : theta) each *= each;
    tighten(known, theta, squared, growth.upper(k + 1), eps);
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
