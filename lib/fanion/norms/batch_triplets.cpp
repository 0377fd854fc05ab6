#include "fanion/norms/batch_triplets.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/linalg_svd.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/where.h>

#include <limits>

#include "fanion/dtype_limits.h"
#include "fanion/in_dtype.h"
#include "fanion/norms/batch_qr.h"
#include "fanion/norms/jacobi_svd.h"

namespace fanion::norms {
namespace {

BatchTriplets leading(const BatchTriplets& all, int64_t k) {
  if (all.S.size(1) == k) return all;
  return {all.U.narrow(2, 0, k), all.S.narrow(1, 0, k), all.V.narrow(2, 0, k)};
}

/// By block power passes from V: Q = orth(X V), V = orth(Xᵀ Q), the last of which is split by the SVD of its factor R.
BatchTriplets by_passes(const at::Tensor& X, at::Tensor V, int64_t passes, const MatrixLayout* layout) {
  const auto [m, n] = whole_shape(X, layout);
  const auto whole = MatrixLayout{m, n};
  const auto& of = layout == nullptr ? whole : *layout;
  for (int64_t pass = 1;; ++pass) {
    const auto Q = batch_qr(product_with_columns(at::bmm(X, V), layout), m, of.over_rows).Q;
    const auto C = batch_qr(product_with_rows(at::bmm(X.mT(), Q), layout), n, of.over_columns);
    V = C.Q;
    if (pass < passes) continue;
    if (V.size(2) == 1) return {Q, in_dtype(C.R.squeeze(2), X.scalar_type()), V};
    const auto [left, S, right] = jacobi_svd(C.R, X.scalar_type());
    const auto like_X = [&](const at::Tensor& x) { return in_dtype(x, X.scalar_type()); };
    return {at::bmm(Q, like_X(right)), like_X(S), at::bmm(V, like_X(left))};
  }
}

}  // namespace

bool found_in_batches(const TripletOptions& options, const at::Tensor* warm) {
  return options.method == linalg::SvdMethod::dense ||
         (options.method == linalg::SvdMethod::subspace && warm != nullptr);
}

at::Tensor working_batch(const at::Tensor& M) {
  return in_dtype(M, M.scalar_type() == at::kDouble ? at::kDouble : at::kFloat);
}

SizedBatch sized_batch(const at::Tensor& M, const MatrixLayout* layout) {
  const auto X = working_batch(M);
  if (X.scalar_type() != at::kDouble) return {X, {}};
  auto size = at::linalg_vector_norm(X, std::numeric_limits<double>::infinity(), {{1, 2}}, /*keepdim=*/true);
  size = product_with_rows(summed_over_columns(size, layout), layout).clamp_min(smallest_normal(at::kDouble));
  return {X / size, size};
}

void keep_where_null_(const at::Tensor& warm, const at::Tensor& V, const at::Tensor& S, int64_t m, int64_t n) {
  const auto least =
      (S.amax(-1, /*keepdim=*/true) * null_share(V.scalar_type(), m, n)).clamp_min(smallest_normal(V.scalar_type()));
  warm.copy_(at::where((S > least).unsqueeze(-2), V, warm));
}

BatchTriplets batch_triplets(const at::Tensor& M, int64_t k, const TripletOptions& options, at::Tensor* warm,
                             const MatrixLayout* layout) {
  TORCH_INTERNAL_ASSERT(found_in_batches(options, warm));
  const at::AutoDispatchBelowADInplaceOrView untracked;  // no gradient flows through this
  const bool passes = options.method == linalg::SvdMethod::subspace;
  TORCH_CHECK_VALUE(passes || layout == nullptr || !layout->is_spread(),
                    "svd = dense is not for sharded matrices; svd = subspace is");
  const auto [X, size] = sized_batch(M, layout);
  BatchTriplets found;
  if (passes) {
    const auto [m, n] = whole_shape(X, layout);
    found = by_passes(X, in_dtype(*warm, X.scalar_type()), options.passes, layout);
    keep_where_null_(*warm, found.V, found.S, m, n);
  } else {
    const auto [U, S, Vh] = at::linalg_svd(X, /*full_matrices=*/false);
    found = {U, S, Vh.mT()};
  }
  found = leading(found, k);
  if (size.defined()) found.S = found.S * size.squeeze(2);
  return found;
}

LowRankTerm flattened_batch_triplets(const at::Tensor& M, int64_t k, const TripletOptions& options, at::Tensor* warm,
                                     const MatrixLayout* layout) {
  const auto [U, S, V] = batch_triplets(M, k, options, warm, layout);
  const auto [m, n] = whole_shape(M, layout);
  return {-1, without_null_columns(U, S, m, n), V, S};
}

}  // namespace fanion::norms
