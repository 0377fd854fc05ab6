#include "fanion/linalg/topk_svd.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/LegacyTypeDispatch.h>

#include <algorithm>
#include <cmath>
#include <exception>

#include "fanion/kernels/skinny_product.h"
#include "fanion/linalg/dense/finite_entries.h"
#include "fanion/linalg/svd/narrow/mixed_svd.h"
#include "fanion/linalg/svd/returned_residuals.h"
#include "fanion/linalg/svd/scaled_operator.h"
#include "fanion/linalg/svd/svd_methods.h"
#include "fanion/no_autocast.h"
#include "fanion/power_of_two.h"

namespace fanion::linalg {
namespace {

/// "auto, block_krylov, lanczos".
std::string krylov_methods() {
  std::string names;
  for (const auto& each : svd_methods())
    if (each.krylov) names.append(names.empty() ? "" : ", ").append(each.name);
  return names;
}

void check(const LinearOperator& A, int64_t k, const SvdOptions& o) {
  const int64_t limit = std::min(A.rows(), A.cols());
  TORCH_CHECK_VALUE(k >= 1 && k <= limit, "k = ", k, " is out of range: a ", A.rows(), " x ", A.cols(),
                    " matrix has 1 to ", limit, " singular triplets");
  TORCH_CHECK_VALUE(o.tol > 0 && o.tol < 1, "tol = ", o.tol, " must lie in (0, 1)");
  TORCH_CHECK_VALUE(!o.passes || *o.passes >= 1, "passes = ", o.passes.value_or(1), " must be at least 1");
  TORCH_CHECK_VALUE(o.passes || o.criterion != SvdCriterion::passes, "criterion 'passes' needs passes, their number");
  TORCH_CHECK_VALUE(o.block >= 0, "block = ", o.block, " must not be negative");
  TORCH_CHECK_VALUE(o.oversample >= 0, "oversample = ", o.oversample, " must not be negative");
  TORCH_CHECK_VALUE(o.max_restarts >= 0, "max_restarts = ", o.max_restarts, " must not be negative");
  TORCH_CHECK_VALUE(o.basis == 0 || (o.basis >= std::min(k + 1, limit) && o.basis <= limit), "basis = ", o.basis,
                    " must lie in ", std::min(k + 1, limit), " to ", limit, ", or be 0");
  if (o.start == SvdStart::sampled) {
    TORCH_CHECK_VALUE(o.criterion == SvdCriterion::passes && traits_of(o.method).krylov && !o.warm_start.defined(),
                      "start 'sampled' is for criterion 'passes' with methods ", krylov_methods(),
                      ", without a warm start; got criterion '", name_of(o.criterion), "', method '", name_of(o.method),
                      "'", o.warm_start.defined() ? " and a warm start" : "");
  }
  if (o.warm_start.defined()) {
    TORCH_CHECK_VALUE(o.warm_start.dim() == 2 && o.warm_start.size(0) == A.cols() && o.warm_start.size(1) >= 1,
                      "warm_start has shape ", o.warm_start.sizes(), "; expected (", A.cols(), ", j) with j >= 1");
  }
}

/// The result for A from that for A/2^exponent.
SvdResult scaled_back(SvdResult result, int exponent) {
  if (exponent == 0) return result;
  auto& report = result.report;
  result.S = times_power_of_two(result.S, exponent);
  if (report.residuals.defined()) report.residuals = times_power_of_two(report.residuals, exponent);
  if (report.bounds.upper.defined()) report.bounds.upper = times_power_of_two(report.bounds.upper, exponent);
  report.bounds.next_upper = std::ldexp(report.bounds.next_upper, exponent);
  report.message += c10::str(", of the matrix times 2^", -exponent);
  return result;
}

/// For a matrix at hand whose norm is out of easy range, by way of a scaled copy; nothing where it is not.
std::optional<SvdResult> by_scaled_copy(const at::Tensor& A, int64_t k, const SvdOptions& options) {
  const double largest = A.abs().amax().item<double>();
  if (!(largest > 0 && std::isfinite(largest))) return std::nullopt;
  const int exponent = std::ilogb(largest);
  if (in_easy_range(largest, A.scalar_type()) && in_easy_range(largest * std::sqrt(A.numel()), A.scalar_type()))
    return std::nullopt;
  return scaled_back(solved(DenseOperator(times_power_of_two(A, -exponent)), k, {options}), exponent);
}

/// Whether the largest value found shows that all squares were in range. It is not looked at where that would only be
/// a wait for an accelerator.
bool shows_easy_range(const SvdResult& result, const SvdOptions& options) {
  if (!result.S.device().is_cpu() && options.criterion == SvdCriterion::passes) return true;
  return in_easy_range(leading_value(result.S), result.S.scalar_type());
}

/// Whether the first product of a run gives ‖A‖_F in passing, so that a read of A for the norm alone, which shows NaN
/// and entries out of range, can be saved.
bool finds_norm(const at::Tensor& A, const DenseOperator& op, int64_t k, const SvdOptions& options) {
  if (options.precision != SvdPrecision::full || !kernels::takes_skinny(A)) return false;
  const auto method = options.method == SvdMethod::automatic ? choose_method(op, k, options) : options.method;
  return traits_of(method).products == SvdProducts::blocks;
}

}  // namespace

SvdResult solved(const LinearOperator& A, int64_t k, const InnerOptions& given) {
  if (given.precision != SvdPrecision::full) return mixed_svd(A, k, given);
  auto options = given;
  if (!options.generator) options.generator = at::detail::createCPUGenerator(0);
  const auto before = A.count();
  const bool automatic = options.method == SvdMethod::automatic;
  const auto method = automatic ? choose_method(A, k, options) : options.method;
  // As many columns as `subspace` would take.
  if (automatic && options.criterion == SvdCriterion::passes && options.block == 0)
    options.block = std::min(k + options.oversample, std::min(A.rows(), A.cols()));
  const auto run = traits_of(method).run;
  TORCH_INTERNAL_ASSERT(run != nullptr, "method '", name_of(method), "' is no method to run");
  auto result = automatic && method == SvdMethod::dense ? tried_then_dense(A, k, options) : run(A, k, options);
  settle_residuals(A, options, A.count().reads - before.reads, result);
  auto& report = result.report;
  if (!automatic || method != SvdMethod::dense) report.method = method;
  report.criterion = options.criterion;
  report.products = A.count().forward + A.count().adjoint - before.forward - before.adjoint;
  report.reads = A.count().reads - before.reads;
  return result;
}

SvdResult topk_svd(const LinearOperator& A, int64_t k, const SvdOptions& options) {
  const NoAutocast whole;
  check(A, k, options);
  if (!A.is_formed()) {
    const ScaledOperator scaled(A);
    auto result = solved(scaled, k, {options});
    return scaled_back(std::move(result), scaled.exponent());
  }
  std::optional<SvdResult> result;
  std::exception_ptr failed;
  try {
    result = solved(A, k, {options});
    if (shows_easy_range(*result, options)) return std::move(*result);
  } catch (const c10::Error&) {  // what entries out of range, or that are not finite, lead to
    failed = std::current_exception();
  }
  if (auto better = by_scaled_copy(A.to_dense(), k, options)) return std::move(*better);
  if (failed) std::rethrow_exception(failed);
  return std::move(*result);
}

SvdResult topk_svd(const at::Tensor& A, int64_t k, const SvdOptions& options) {
  // No gradient flows through this, and its many small calls take a third less without the layers that would track one.
  const at::AutoDispatchBelowADInplaceOrView untracked;
  const NoAutocast whole;
  const DenseOperator op(A);
  check(op, k, options);
  const auto dtype = op.options().dtype().toScalarType();
  const auto fits = [&] { return in_easy_range(std::sqrt(*op.frobenius_squared()), dtype); };
  // The read of A for the copy gives the norm as well.
  if (options.precision != SvdPrecision::full && why_full_precision(op, options) == nullptr)
    op.narrowed(narrow_format(options.precision));
  if (finds_norm(A, op, k, options)) {
    try {
      auto result = solved(op, k, {options});
      if (fits()) return result;
    } catch (const c10::Error&) {  // what entries out of range, or that are not finite, lead to is told below
      if (fits()) throw;
    }
  }
  if (!fits()) {
    if (!std::isfinite(*op.frobenius_squared())) check_finite(A, "the matrix");
    if (auto result = by_scaled_copy(A, k, options)) return std::move(*result);
  }
  return solved(op, k, {options});
}

}  // namespace fanion::linalg
