#include "fanion/norms/matrix_layout.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/linalg_vector_norm.h>

#include <algorithm>
#include <limits>

#include "fanion/dtype_limits.h"

namespace fanion::norms {
namespace {

/// Partial sums over rows or columns that run along these dims.
at::Tensor added_up_along(at::Tensor partial, at::IntArrayRef dims, const MatrixLayout* layout) {
  const auto has = [&](int64_t dim) { return std::ranges::find(dims, dim) != dims.end(); };
  if (has(-2)) partial = summed_over_rows(std::move(partial), layout);
  return has(-1) ? summed_over_columns(std::move(partial), layout) : partial;
}

}  // namespace

at::Tensor completed(at::Tensor partial, const MatrixLayout::Sum& sum) {
  if (!sum) return partial;
  std::vector<at::Tensor> parts{std::move(partial)};
  sum(parts);
  return std::move(parts[0]);
}

std::pair<int64_t, int64_t> whole_shape(const at::Tensor& M, const MatrixLayout* layout) {
  return layout == nullptr ? std::pair(M.size(-2), M.size(-1)) : std::pair(layout->m, layout->n);
}

at::Tensor summed_over_rows(at::Tensor partial, const MatrixLayout* layout) {
  return layout == nullptr ? partial : completed(std::move(partial), layout->over_rows);
}

at::Tensor summed_over_columns(at::Tensor partial, const MatrixLayout* layout) {
  return layout == nullptr ? partial : completed(std::move(partial), layout->over_columns);
}

at::Tensor product_with_columns(at::Tensor XV, const MatrixLayout* layout) {
  if (layout == nullptr) return XV;
  return completed(completed(std::move(XV), layout->over_columns), layout->over_replicas);
}

at::Tensor product_with_rows(at::Tensor XtU, const MatrixLayout* layout) {
  if (layout == nullptr) return XtU;
  return completed(completed(std::move(XtU), layout->over_rows), layout->over_replicas);
}

at::Tensor slice_norms(const at::Tensor& X, at::IntArrayRef dims, const MatrixLayout* layout) {
  const auto norms = [&](const at::Tensor& Y) {
    auto own = at::linalg_vector_norm(Y, 2, dims, /*keepdim=*/true, at::kDouble);
    if (layout == nullptr || !layout->is_spread()) return own;
    return added_up_along(own.square(), dims, layout).sqrt();
  };
  if (X.scalar_type() != at::kDouble) return norms(X);
  // The largest entry, or at most as many times that as there are blocks.
  auto largest = at::linalg_vector_norm(X, std::numeric_limits<double>::infinity(), dims, /*keepdim=*/true);
  largest = added_up_along(std::move(largest), dims, layout).clamp_min(smallest_normal(at::kDouble));
  return norms(X / largest) * largest;
}

}  // namespace fanion::norms
