#include "fanion/linalg/topk_svd.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/randn.h>

#include <algorithm>
#include <array>

#include "fanion/linalg/svd_methods.h"
#include "fanion/names.h"

namespace fanion::linalg {
namespace {

constexpr std::array<Named<SvdMethod>, 4> kMethods{{{SvdMethod::automatic, "auto"},
                                                    {SvdMethod::dense, "dense"},
                                                    {SvdMethod::lanczos, "lanczos"},
                                                    {SvdMethod::subspace, "subspace"}}};
constexpr std::array<Named<SvdStatus>, 3> kStatuses{
    {{SvdStatus::converged, "converged"}, {SvdStatus::exhausted, "exhausted"}, {SvdStatus::passes, "passes"}}};

void check(const LinearOperator& A, int64_t k, const SvdOptions& o) {
  const int64_t limit = std::min(A.rows(), A.cols());
  TORCH_CHECK_VALUE(k >= 1 && k <= limit, "k = ", k, " is out of range: a ", A.rows(), " x ", A.cols(),
                    " matrix has 1 to ", limit, " singular triplets");
  TORCH_CHECK_VALUE(o.tol > 0 && o.tol < 1, "tol = ", o.tol, " must lie in (0, 1)");
  TORCH_CHECK_VALUE(o.passes >= 1, "passes = ", o.passes, " must be at least 1");
  TORCH_CHECK_VALUE(o.oversample >= 0, "oversample = ", o.oversample, " must not be negative");
  TORCH_CHECK_VALUE(o.max_restarts >= 0, "max_restarts = ", o.max_restarts, " must not be negative");
  TORCH_CHECK_VALUE(o.basis == 0 || (o.basis >= std::min(k + 1, limit) && o.basis <= limit), "basis = ", o.basis,
                    " must lie in ", std::min(k + 1, limit), " to ", limit, ", or be 0");
  if (o.warm_start.defined()) {
    TORCH_CHECK_VALUE(o.warm_start.dim() == 2 && o.warm_start.size(0) == A.cols() && o.warm_start.size(1) >= 1,
                      "warm_start has shape ", o.warm_start.sizes(), "; expected (", A.cols(), ", j) with j >= 1");
  }
}

SvdMethod choose(const LinearOperator& A, int64_t k) {
  // LAPACK's O(mn·min) beats a Krylov method's many small products below about 200 columns, and where the
  // basis would be most of the space anyway.
  const int64_t smaller = std::min(A.rows(), A.cols());
  return smaller <= 200 || 4 * k >= smaller ? SvdMethod::dense : SvdMethod::lanczos;
}

}  // namespace

SvdMethod svd_method_from_name(std::string_view name) { return parse_name(kMethods, name, "SVD method"); }
std::string_view name_of(SvdMethod method) { return find_name(kMethods, method); }
std::string_view name_of(SvdStatus status) { return find_name(kStatuses, status); }

at::Tensor random_block(int64_t rows, int64_t cols, const at::TensorOptions& like, const SvdOptions& options) {
  auto generator = options.generator ? *options.generator : at::detail::createCPUGenerator(0);
  const auto device = generator.device();
  return at::randn({rows, cols}, generator, like.device(device)).to(like.device());
}

at::Tensor triplet_residuals(const LinearOperator& A, const at::Tensor& U, const at::Tensor& S, const at::Tensor& V) {
  // Summed in double: the squares of residuals of 1e24 leave the range of float32.
  const auto right = at::linalg_vector_norm(A.apply(V) - U * S, 2, {{0}}, /*keepdim=*/false, at::kDouble);
  const auto left = at::linalg_vector_norm(A.apply_adjoint(U) - V * S, 2, {{0}}, /*keepdim=*/false, at::kDouble);
  return at::maximum(right, left).to(at::kCPU);
}

SvdResult topk_svd(const LinearOperator& A, int64_t k, const SvdOptions& options) {
  check(A, k, options);
  const auto before = A.count();
  const auto method = options.method == SvdMethod::automatic ? choose(A, k) : options.method;
  auto result = method == SvdMethod::dense     ? dense_svd(A, k, options)
                : method == SvdMethod::lanczos ? lanczos_svd(A, k, options)
                                               : subspace_svd(A, k, options);
  auto& report = result.report;
  report.method = method;
  report.products = A.count().forward + A.count().adjoint - before.forward - before.adjoint;
  report.passes = A.count().calls - before.calls;
  return result;
}

SvdResult topk_svd(const at::Tensor& A, int64_t k, const SvdOptions& options) {
  const DenseOperator op(A);
  check(op, k, options);
  const auto bad = at::isfinite(A).logical_not().sum().item<int64_t>();
  TORCH_CHECK_VALUE(bad == 0, "the matrix has ", bad, " NaN or infinite entries out of ", A.numel());
  return topk_svd(op, k, options);
}

}  // namespace fanion::linalg
