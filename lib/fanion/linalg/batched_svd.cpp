#include "fanion/linalg/batched_svd.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/stack.h>

#include <algorithm>

#include "fanion/linalg/svd/scaled_operator.h"
#include "fanion/linalg/svd_method_traits.h"
#include "fanion/no_autocast.h"

namespace fanion::linalg {
namespace {

void check_batch(const at::Tensor& A, int64_t k, const SvdOptions& o) {
  TORCH_CHECK_VALUE(A.defined() && A.dim() == 3, "a batch needs 3 dimensions (b, m, n), got ",
                    A.defined() ? A.dim() : 0);
  const int64_t limit = std::min(A.size(1), A.size(2));
  TORCH_CHECK_VALUE(k >= 1 && k <= limit, "k = ", k, " is out of range: a ", A.size(1), " x ", A.size(2),
                    " matrix has 1 to ", limit, " singular triplets");
  if (o.warm_start.defined()) {
    TORCH_CHECK_VALUE(o.warm_start.dim() == 3 && o.warm_start.size(0) == A.size(0) &&
                          o.warm_start.size(1) == A.size(2) && o.warm_start.size(2) >= 1,
                      "warm_start has shape ", o.warm_start.sizes(), "; expected (", A.size(0), ", ", A.size(2),
                      ", j) with j >= 1");
  }
  const auto bad = at::isfinite(A).logical_not().sum({1, 2}).to(at::kCPU);
  for (int64_t i = 0; i < A.size(0); ++i) {
    const auto count = bad[i].item<int64_t>();
    TORCH_CHECK_VALUE(count == 0, "matrix ", i, " of the batch has ", count, " NaN or infinite entries out of ",
                      A.size(1) * A.size(2));
  }
}

BatchedSvdResult gathered(std::vector<SvdResult> results) {
  std::vector<at::Tensor> U, S, V;
  std::vector<SvdReport> reports;
  for (auto& r : results) {
    U.push_back(r.U);
    S.push_back(r.S);
    V.push_back(r.V);
    reports.push_back(std::move(r.report));
  }
  return {at::stack(U), at::stack(S), at::stack(V), std::move(reports)};
}

}  // namespace

BatchedSvdResult topk_svd_batch(const at::Tensor& A, int64_t k, const SvdOptions& options) {
  const NoAutocast whole;
  check_batch(A, k, options);
  const int64_t b = A.size(0), m = A.size(1), n = A.size(2);
  if (b == 0) {
    const auto like = A.options().dtype(A.scalar_type() == at::kDouble ? at::kDouble : at::kFloat);
    return {at::empty({0, m, k}, like), at::empty({0, k}, like), at::empty({0, n, k}, like), {}};
  }
  const auto solve = [&](int64_t i) {
    auto own = options;
    if (own.warm_start.defined()) own.warm_start = options.warm_start[i];
    return topk_svd(DenseOperator(A[i]), k, own);
  };
  // The first matrix by itself: that checks the options, and shows which method `automatic` takes for this shape.
  std::vector<SvdResult> results{solve(0)};
  if (const auto batch = traits_of(results[0].report.method).batch; b > 1 && batch != nullptr) {
    const auto rest = A.narrow(0, 1, b - 1).detach();
    auto others = batch(rest.to(results[0].S.scalar_type()), k, options);
    for (int64_t i = 1; i < b; ++i) {  // one of another scale than its squares can show goes by itself
      auto& one = others[i - 1];
      const bool fits = in_easy_range(one.S[0].item<double>(), one.S.scalar_type());
      results.push_back(fits ? std::move(one) : solve(i));
    }
    return gathered(std::move(results));
  }
  for (int64_t i = 1; i < b; ++i) results.push_back(solve(i));
  return gathered(std::move(results));
}

}  // namespace fanion::linalg
