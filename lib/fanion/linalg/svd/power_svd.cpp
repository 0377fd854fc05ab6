// Method: power iteration with deflation, one vector after the other: the baseline of Proposal and KyFan.
// Algorithm: block_power.cpp with one column on A(I − VVᵀ), V the vectors found so far, each until its residual is
//   below a tolerance; a Rayleigh–Ritz step over all of them; a smaller tolerance until the criterion holds. One more
//   vector than asked for gives σ_{k+1} a bound.
// References: Golub & Van Loan, Matrix Computations, 4th ed., §8.2.1 (power iteration), §8.2.4 (deflation).
// Rounding: found vectors stay orthonormal to working precision.
// Bound: a vector converges by σ²_{i+1}/σᵢ² a pass, hopeless for close values. σ₁(A(I − VVᵀ)) ≥ σ_{i+1}(A) for any i
//   orthonormal columns V (interlacing), so upper bounds of the former serve for the latter.

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linalg_qr.h>
#include <ATen/ops/linalg_svd.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/matmul.h>

#include <algorithm>

#include "fanion/linalg/random_start.h"
#include "fanion/linalg/svd/block_power.h"
#include "fanion/linalg/svd/svd_bounds.h"
#include "fanion/linalg/svd/svd_methods.h"

namespace fanion::linalg {
namespace {

constexpr int64_t kMostPowerPasses = 20000;  // where no budget was given

/// A(I − VVᵀ) for orthonormal V.
class DeflatedOperator final : public LinearOperator {
 public:
  /// `largest`: σ̂₁ of A, once something of it has been found.
  DeflatedOperator(const LinearOperator& A, at::Tensor V, double largest)
      : LinearOperator(A.rows(), A.cols(), A.options()), A_(A), V_(std::move(V)), largest_(largest) {}
  double rounding_scale() const override { return std::max(largest_, A_.rounding_scale()); }

 private:
  at::Tensor without(const at::Tensor& X) const { return X - at::matmul(V_, at::matmul(V_.t(), X)); }
  at::Tensor product(const at::Tensor& X) const override { return A_.apply(without(X)); }
  at::Tensor adjoint_product(const at::Tensor& U) const override { return without(A_.apply_adjoint(U)); }
  const LinearOperator& A_;
  at::Tensor V_;
  double largest_;
};

}  // namespace

SvdResult power_svd(const LinearOperator& A, int64_t k, const InnerOptions& options) {
  const int64_t limit = std::min(A.rows(), A.cols());
  const bool fixed = options.criterion == SvdCriterion::passes;
  const int64_t budget = options.passes.value_or(kMostPowerPasses), before = A.count().reads;
  TORCH_CHECK_VALUE(!fixed || budget >= k, "passes = ", budget, " must be at least k = ", k, " for method 'power'");
  const auto spent = [&] { return (A.count().reads - before + 1) / 2; };
  const bool certify = rests_on_bounds(options.criterion);
  EigenvalueBounds known{std::vector<double>(k + 1, std::numeric_limits<double>::infinity()), BoundKind::probabilistic};
  if (k == limit) known.upper[k] = 0;

  SvdResult result;
  auto& report = result.report;
  report.status = fixed ? SvdStatus::passes : SvdStatus::exhausted;
  double value = 0;
  for (double tol = options.tol;; tol /= 8) {
    auto V = at::empty({A.cols(), 0}, A.options());
    double most = 0;  // of the values found
    for (int64_t i = 0; i < std::min(certify ? k + 1 : k, limit); ++i) {
      const int64_t share = fixed ? budget / k : std::max<int64_t>(budget - spent(), 1);
      auto start = random_block(A.cols(), 1, A.options(), options);
      const bool warm = options.warm_start.defined() && i < options.warm_start.size(1);
      if (warm) start = options.warm_start.narrow(1, i, 1).to(A.options());
      const auto one =
          block_power(DeflatedOperator(A, V, most), 1,
                      {.criterion = fixed ? SvdCriterion::passes : SvdCriterion::residual, .tol = tol, .passes = share},
                      start, warm ? 0 : 1);
      if (!fixed) most = std::max(most, one.S[0].item<double>());
      if (one.report.bounds.upper.defined()) {
        const double bound = one.report.bounds.upper[0].item<double>();
        known.upper[i] = std::min(known.upper[i], bound * bound);
      }
      V = std::get<0>(at::linalg_qr(at::cat({V, one.V}, 1)));
    }
    for (int64_t i = 1; i <= k; ++i) known.upper[i] = std::min(known.upper[i], known.upper[i - 1]);

    const auto [Q, R] = at::linalg_qr(A.apply(V));
    const auto [P, S, Nh] = at::linalg_svd(R, /*full_matrices=*/false);
    result.U = at::matmul(Q, P.narrow(1, 0, k));
    result.S = S.narrow(0, 0, k);
    result.V = at::matmul(V, Nh.narrow(0, 0, k).t());
    if (fixed) break;
    report.residuals =
        at::linalg_vector_norm(A.apply_adjoint(result.U) - result.V * result.S, 2, {{0}}, false, at::kDouble)
            .to(at::kCPU);
    auto theta = to_doubles(S), residual = to_doubles(report.residuals);
    const double largest = *std::max_element(residual.begin(), residual.end());
    const double sigma1 = theta[0];
    for (int64_t i = 0; i < k; ++i) residual[i] *= theta[i];
    for (auto& each : theta) each *= each;
    report.bounds = svd_bounds(theta, residual, known, A.relative_rounding(sigma1));
    value = criterion_value(options.criterion, report.bounds, sigma1 > 0 ? largest / sigma1 : 0.0);
    if (value <= options.tol) report.status = SvdStatus::converged;
    if (report.status == SvdStatus::converged || spent() >= budget || tol < A.relative_rounding(sigma1)) break;
  }
  report.message = c10::str(spent(), " passes, ", name_of(options.criterion), " ", value);
  return result;
}

}  // namespace fanion::linalg
