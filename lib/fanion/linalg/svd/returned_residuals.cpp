#include "fanion/linalg/svd/returned_residuals.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/maximum.h>

#include <algorithm>

#include "fanion/linalg/svd/stopwatch.h"

namespace fanion::linalg {
namespace {

/// The larger of the two residuals of each triplet, from A V and AᵀU. Summed in double: the squares of residuals of
/// 1e24 leave the range of float32.
at::Tensor larger_norms(const at::Tensor& AV, const at::Tensor& AtU, const at::Tensor& U, const at::Tensor& S,
                        const at::Tensor& V) {
  const auto norms = [](const at::Tensor& X) { return at::linalg_vector_norm(X, 2, {{0}}, false, at::kDouble); };
  return at::maximum(norms(AV - U * S), norms(AtU - V * S)).to(at::kCPU);
}

/// The same in float64; undefined where A has no products in float64.
at::Tensor residuals_in_double(const LinearOperator& A, const SvdResult& svd) {
  const auto AV = A.apply_in_double(svd.V);
  if (!AV.defined()) return {};
  const auto wide = [](const at::Tensor& X) { return X.to(at::kDouble); };
  return larger_norms(AV, A.apply_adjoint_in_double(svd.U), wide(svd.U), wide(svd.S), wide(svd.V));
}

void add_to_each(at::Tensor& X, double more) {  // without a call of ATen: training steps pass here
  auto* x = X.data_ptr<double>();
  for (int64_t i = 0; i < X.numel(); ++i) x[i] += more;
}

/// Where rounding of a sum's parts is larger than all that was found, nothing is known of the sum.
void forget_what_drowned(const LinearOperator& A, const SvdOptions& options, SvdResult& result) {
  const double scale = A.rounding_scale();
  if (scale == 0 || residual_rounding(A, leading_value(result.S)) < 1) return;
  auto& report = result.report;
  report.bounds = {};
  if (options.criterion != SvdCriterion::passes) report.status = SvdStatus::exhausted;
  report.message += c10::str(", all of it below the rounding of the operator's parts, ", A.eps() * scale);
}

}  // namespace

double leading_value(const at::Tensor& S) {  // an element by ATen takes a microsecond
  if (S.device().is_cpu() && S.scalar_type() == at::kFloat) return *S.const_data_ptr<float>();
  return S[0].item<double>();
}

double residual_rounding(const LinearOperator& A, double sigma1) {
  const bool sums_in_double = A.options().dtype() == at::kFloat && A.options().device().is_cpu();
  return (sums_in_double ? 16 : 64) * A.relative_rounding(sigma1);
}

bool near_rounding(double tol, const LinearOperator& A, double sigma1) {
  return tol < 4 * residual_rounding(A, sigma1);
}

at::Tensor triplet_residuals(const LinearOperator& A, const at::Tensor& U, const at::Tensor& S, const at::Tensor& V) {
  return larger_norms(A.apply(V), A.apply_adjoint(U), U, S, V);
}

void settle_residuals(const LinearOperator& A, const SvdOptions& options, int64_t reads, SvdResult& result) {
  auto& report = result.report;
  forget_what_drowned(A, options, result);
  if (!report.residuals.defined()) return;
  const bool judged = options.criterion == SvdCriterion::residual;
  const double sigma1 = leading_value(result.S);
  const double allowance = residual_rounding(A, sigma1) * sigma1;
  bool exact = false;
  if (judged && near_rounding(options.tol, A, sigma1) && !(options.passes && reads + 2 > 2 * *options.passes)) {
    const Stopwatch watch(report.seconds.products);
    const bool wider = A.options().dtype() != at::kDouble;
    const auto measured = wider ? residuals_in_double(A, result) : at::Tensor();
    exact = measured.defined();
    report.residuals = exact ? measured : triplet_residuals(A, result.U, result.S, result.V);
  }
  if (!exact) add_to_each(report.residuals, allowance);
  if (!judged) return;
  const double largest = report.residuals.max().item<double>();
  const bool holds = largest <= options.tol * sigma1;
  report.status = holds ? SvdStatus::converged : SvdStatus::exhausted;
  if (!holds && largest <= 2 * allowance)
    report.message += c10::str(", of what is returned ", largest, ": tol = ", options.tol,
                               A.rounding_scale() > sigma1 ? " is below what the parts of the operator can show in "
                                                           : " is below what can be shown in ",
                               A.options().dtype());
}

}  // namespace fanion::linalg
