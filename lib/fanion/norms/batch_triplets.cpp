#include "fanion/norms/batch_triplets.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/linalg_qr.h>
#include <ATen/ops/linalg_svd.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/where.h>

namespace fanion::norms {
namespace {

BatchTriplets leading(const BatchTriplets& all, int64_t k) {
  return {all.U.narrow(2, 0, k), all.S.narrow(1, 0, k), all.V.narrow(2, 0, k)};
}

/// By block power passes from V: Q = orth(X V), V = orth(Xᵀ Q), the last of which is split by an SVD of Xᵀ Q.
BatchTriplets by_passes(const at::Tensor& X, at::Tensor V, int64_t passes) {
  for (int64_t pass = 1;; ++pass) {
    const auto Q = std::get<0>(at::linalg_qr(at::bmm(X, V)));
    const auto C = at::bmm(X.mT(), Q);
    if (pass < passes) {
      V = std::get<0>(at::linalg_qr(C));
      continue;
    }
    const auto [right, S, left] = at::linalg_svd(C, /*full_matrices=*/false);
    return {at::bmm(Q, left.mT()), S, right};
  }
}

}  // namespace

bool found_in_batches(const TripletOptions& options, const at::Tensor* warm) {
  return options.method == linalg::SvdMethod::dense ||
         (options.method == linalg::SvdMethod::subspace && warm != nullptr);
}

BatchTriplets batch_triplets(const at::Tensor& M, int64_t k, const TripletOptions& options, at::Tensor* warm) {
  TORCH_INTERNAL_ASSERT(found_in_batches(options, warm));
  const at::AutoDispatchBelowADInplaceOrView untracked;  // no gradient flows through this
  const auto largest = M.abs().amax({1, 2}, /*keepdim=*/true);
  const auto scale = at::where(largest > 0, largest, at::ones_like(largest));
  const auto X = M / scale;
  BatchTriplets found;
  if (options.method == linalg::SvdMethod::subspace) {
    found = by_passes(X, warm->to(X.scalar_type()), options.passes);
    // A zero matrix says nothing about the next one: keep what we had.
    warm->copy_(at::where(largest > 0, found.V, *warm));
  } else {
    const auto [U, S, Vh] = at::linalg_svd(X, /*full_matrices=*/false);
    found = {U, S, Vh.mT()};
  }
  found = leading(found, k);
  found.S = found.S * scale.squeeze(2);
  return found;
}

LowRankTerm flattened_batch_triplets(const at::Tensor& M, int64_t k, const TripletOptions& options, at::Tensor* warm) {
  const auto [U, S, V] = batch_triplets(M, k, options, warm);
  return {-1, without_null_columns(U, S, M.size(1), M.size(2)), V, S};
}

}  // namespace fanion::norms
