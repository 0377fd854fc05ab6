#include "fanion/linalg/mixed_svd.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/linalg_qr.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>

#include "fanion/linalg/block_split.h"
#include "fanion/linalg/stopwatch.h"
#include "fanion/linalg/svd_bounds.h"

namespace fanion::linalg {
namespace {

/// Tolerances below this are not worth trying in the narrow format: about 8 of its roundoffs, 2^-11 and 2^-24.
double least_tolerance(const LinearOperator& A) { return A.options().dtype() == at::kDouble ? 1e-6 : 4e-3; }

/// What bounds of the narrow matrix say of A: singular values move by at most `distance`.
EigenvalueBounds moved(const SvdBounds& bounds, int exponent, double distance, double rest) {
  EigenvalueBounds upper{{}, bounds.kind, rest};
  auto sigma = bounds.upper.defined() ? to_doubles(bounds.upper) : std::vector<double>();
  sigma.push_back(bounds.next_upper);
  for (const double each : sigma) {
    const double most = std::ldexp(each, -exponent) + distance;
    upper.upper.push_back(most * most);
  }
  return upper;
}

/// Rayleigh–Ritz of A on the span of (n, k) columns: triplets, residuals, and bounds with the help of `found`.
SvdResult on_space(const LinearOperator& A, const at::Tensor& columns, const SvdBounds& found, const Narrowed& narrow) {
  SvdResult result;
  auto& report = result.report;
  const auto V = std::get<0>(at::linalg_qr(columns.to(A.options())));  // orthonormal in A's precision
  at::Tensor Y, Z;
  {
    const Stopwatch watch(report.seconds.products);
    std::tie(Y, Z) = A.apply_gram(V);
  }
  const Stopwatch watch(report.seconds.basis);
  const auto ritz = rayleigh_ritz(std::move(Y));
  const auto S = ritz.S.to(A.options());
  result = {ritz.U, S, ritz.turn(V), std::move(report)};
  const auto left_over = ritz.turn(Z) - result.V * S.square();
  auto r = to_doubles(at::linalg_vector_norm(left_over, 2, {{0}}, false, at::kDouble).to(at::kCPU));
  auto theta = to_doubles(S.to(at::kCPU, at::kDouble));
  result.report.residuals = at::zeros({S.size(0)}, at::kDouble);
  double total = 0;
  for (std::size_t i = 0; i < theta.size(); ++i) {
    // ‖Aᵀû − σ̂v̂‖ = ‖AᵀAv̂ − σ̂²v̂‖/σ̂; it is at most σ₁, and rounding alone where σ̂ is.
    if (theta[i] > 0) result.report.residuals[static_cast<int64_t>(i)] = r[i] / theta[i];
    theta[i] *= theta[i];
    total += theta[i];
  }
  const auto squared = A.frobenius_squared();
  const double rounding = (8.0 + static_cast<double>(theta.size())) * A.eps();  // of the norm, and of each value
  const double rest =
      squared ? std::max(*squared - total, 0.0) + rounding * *squared : std::numeric_limits<double>::infinity();
  if (found.kind != BoundKind::none)
    result.report.bounds = svd_bounds(theta, r, moved(found, narrow.exponent, narrow.distance, rest), A.eps());
  return result;
}

/// What both runs cost together.
void add_costs(SvdReport& report, const SvdReport& more) {
  report.products += more.products;
  report.reads += more.reads;
  report.restarts += more.restarts;
  report.seconds += more.seconds;
}

}  // namespace

SvdResult mixed_svd(const LinearOperator& A, int64_t k, const SvdOptions& options) {
  TORCH_CHECK_VALUE(A.has_narrower_form(),
                    "precision 'mixed' takes a float64 matrix, or a float32 one on the CPU with ",
                    "rows or columns of stride 1; choose precision 'full'");
  auto full = options;
  full.precision = SvdPrecision::full;
  const bool fixed = options.criterion == SvdCriterion::passes;
  const auto in_full = [&](const char* why) {
    auto result = topk_svd(A, k, full);
    result.report.message += c10::str(", in full precision: ", why);
    return result;
  };
  if (options.passes == 1) return in_full("one pass");
  if (!fixed && options.tol < least_tolerance(A)) return in_full("tol is too small for the narrow format");
  SvdSeconds seconds;
  std::optional<Narrowed> narrow;
  {
    const Stopwatch watch(seconds.products);
    narrow = A.narrowed();
  }
  if (!narrow) return in_full("the matrix is zero, or out of the narrow format's range");
  auto first = full;
  if (options.passes) first.passes = *options.passes - 1;
  first.tol = options.tol / 2;
  if (first.warm_start.defined()) first.warm_start = first.warm_start.to(narrow->A->options());
  const auto rough = topk_svd(*narrow->A, k, first);
  const auto before = A.count();
  auto result = on_space(A, rough.V, rough.report.bounds, *narrow);
  auto& report = result.report;
  report.method = rough.report.method;
  report.criterion = options.criterion;
  report.products = A.count().forward + A.count().adjoint - before.forward - before.adjoint;
  report.reads = A.count().reads - before.reads;
  report.seconds.products += seconds.products;
  add_costs(report, rough.report);
  const double sigma1 = result.S[0].item<double>();
  const double largest = sigma1 > 0 ? report.residuals.max().item<double>() / sigma1 : 0.0;
  const double value = criterion_value(options.criterion, report.bounds, largest);
  report.message =
      c10::str(report.reads, " reads in mixed precision, ", fixed ? "largest residual" : name_of(options.criterion),
               " ", value, "; ", rough.report.message);
  report.status = fixed ? SvdStatus::passes : value <= options.tol ? SvdStatus::converged : SvdStatus::exhausted;
  const int64_t spent = rough.report.reads + 1;  // passes, or more: some take two reads
  if (report.status != SvdStatus::exhausted || (options.passes && spent >= *options.passes)) return result;

  full.warm_start = result.V;
  if (options.passes) full.passes = *options.passes - spent;
  auto better = topk_svd(A, k, full);
  add_costs(better.report, report);
  better.report.message += c10::str(", after ", report.message);
  return better;
}

}  // namespace fanion::linalg
