#include "fanion/linalg/svd/narrow/mixed_svd.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>

#include "fanion/linalg/svd/narrow/mixed_refinement.h"
#include "fanion/linalg/svd/returned_residuals.h"
#include "fanion/linalg/svd/stopwatch.h"
#include "fanion/linalg/svd/svd_bounds.h"
#include "fanion/linalg/svd/svd_methods.h"

namespace fanion::linalg {
namespace {

/// Tolerances below this are not worth trying in the narrow format: about 8 of its roundoffs, 2^-8, 2^-11 and 2^-24.
double least_tolerance(const LinearOperator& A, NarrowFormat format) {
  return format == NarrowFormat::int8 ? 3e-2 : A.options().dtype() == at::kDouble ? 1e-6 : 4e-3;
}

constexpr int64_t kExactPasses = 2;  // of A, where a copy in bfloat16 has been used

/// Fixed passes on a copy in bfloat16, but for the last two, which are of A: one corrects what was found.
SvdResult with_rounded_vectors(const LinearOperator& A, int64_t k, InnerOptions options, const Narrowed& narrow) {
  bool flipped = false;  // V was found on the side of A's rows
  options.exact = [&](const at::Tensor& X, bool adjoint) {
    flipped = adjoint;
    return (adjoint ? A.apply_adjoint_gram(X) : A.apply_gram(X)).second * (narrow.scale * narrow.scale);
  };
  options.passes = *options.passes - kExactPasses;
  const auto before = A.count();
  auto rough = solved(*narrow.A, k, options);
  count_into(rough.report, A, before);
  // Nothing is known of products with rounded vectors; A alone gives bounds.
  const auto unknown = at::full({k}, std::numeric_limits<double>::infinity(), at::kDouble);
  const auto triplets = [&](const LinearOperator& side, const at::Tensor& columns) {
    return on_space(side, columns, {.kind = BoundKind::proved, .upper = unknown}, narrow).result;
  };
  auto result = flipped ? triplets(AdjointOperator(A), rough.U) : triplets(A, rough.V);
  if (flipped) std::swap(result.U, result.V);
  auto& report = result.report;
  add_costs(report, rough.report);
  report.method = rough.report.method;
  report.criterion = SvdCriterion::passes;
  report.status = SvdStatus::passes;
  report.message = c10::str(report.reads, " reads, but for the last in bfloat16; ", rough.report.message);
  return result;
}

}  // namespace

NarrowFormat narrow_format(SvdPrecision precision) {
  TORCH_INTERNAL_ASSERT(precision != SvdPrecision::full);
  return precision == SvdPrecision::int8       ? NarrowFormat::int8
         : precision == SvdPrecision::bfloat16 ? NarrowFormat::bfloat16
                                               : NarrowFormat::half_size;
}

const char* why_full_precision(const LinearOperator& A, const SvdOptions& options) {
  if (!traits_of(options.method).narrow) return "the method is the baseline";
  if (options.passes == 1) return "one pass";
  if (options.precision == SvdPrecision::bfloat16) {
    if (options.criterion != SvdCriterion::passes) return "rounded vectors give no bounds, which the criterion needs";
    return *options.passes > kExactPasses ? nullptr : "two passes are of the matrix itself";
  }
  if (options.criterion == SvdCriterion::passes) return nullptr;
  const bool fine = options.tol < least_tolerance(A, narrow_format(options.precision));
  return fine ? "tol is too small for the narrow format" : nullptr;
}

SvdResult mixed_svd(const LinearOperator& A, int64_t k, const SvdOptions& options) {
  const auto format = narrow_format(options.precision);
  TORCH_CHECK_VALUE(A.has_narrower_form(format), "precision '", name_of(options.precision), "' takes a ",
                    format == NarrowFormat::half_size ? "float64 matrix, or a float32 one" : "float32 matrix",
                    " on the CPU with rows or columns of stride 1; choose precision 'full'");
  InnerOptions full{options};
  full.precision = SvdPrecision::full;
  const bool fixed = options.criterion == SvdCriterion::passes;
  const auto in_full = [&](const char* why) {
    auto result = solved(A, k, full);
    result.report.message += c10::str(", in full precision: ", why);
    return result;
  };
  if (const char* why = why_full_precision(A, options)) return in_full(why);
  SvdSeconds seconds;
  std::optional<Narrowed> narrow;
  {
    const Stopwatch watch(seconds.products);
    narrow = A.narrowed(format);
  }
  if (!narrow) return in_full("the matrix is zero, or out of the narrow format's range");
  if (format == NarrowFormat::bfloat16) {
    auto result = with_rounded_vectors(A, k, full, *narrow);
    settle_residuals(A, full, result.report.reads, result);
    result.report.seconds += seconds;
    return result;
  }
  auto first = full;
  if (options.passes) first.passes = *options.passes - 1;
  first.tol = options.tol / 2;
  if (first.warm_start.defined()) first.warm_start = first.warm_start.to(narrow->A->options());
  // In float64 the vectors of the narrow matrix are no better than its rounding, corrected or not.
  const bool refines = fixed && narrow->A->options().dtype() == A.options().dtype();
  if (refines) first.enough = enough_residual(*narrow);
  const auto rough = solved(*narrow->A, k, first);
  auto seen = on_space(A, rough.V, rough.report.bounds, *narrow);
  auto& result = seen.result;
  add_costs(result.report, rough.report);
  result.report.seconds.products += seconds.products;
  const int64_t spent = rough.report.reads + 1;  // passes, or more: some take two reads
  int64_t rounds = 0;
  first.method = rough.report.method;
  if (refines && traits_of(first.method).krylov)
    rounds = refine(A, k, first, *narrow, rough.report.bounds, *options.passes - spent, seen);
  auto& report = result.report;
  report.method = rough.report.method;
  report.criterion = options.criterion;
  settle_residuals(A, full, report.reads, result);
  const double sigma1 = result.S[0].item<double>();
  const double largest = sigma1 > 0 ? report.residuals.max().item<double>() / sigma1 : 0.0;
  const double value = criterion_value(options.criterion, report.bounds, largest);
  const auto refined = rounds == 0   ? std::string()
                       : rounds == 1 ? ", refined once"
                                     : c10::str(", refined ", rounds, " times");
  report.message =
      c10::str(report.reads, " reads in mixed precision, ", fixed ? "largest residual" : name_of(options.criterion),
               " ", value, refined, "; ", rough.report.message);
  report.status = fixed ? SvdStatus::passes : value <= options.tol ? SvdStatus::converged : SvdStatus::exhausted;
  if (report.status != SvdStatus::exhausted || (options.passes && spent >= *options.passes)) return result;

  full.warm_start = result.V;
  if (options.passes) full.passes = *options.passes - spent;
  auto better = solved(A, k, full);
  add_costs(better.report, report);
  better.report.message += c10::str(", after ", report.message);
  return better;
}

}  // namespace fanion::linalg
