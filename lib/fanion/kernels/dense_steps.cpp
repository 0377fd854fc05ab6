#include "fanion/kernels/dense_steps.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>

#include <algorithm>

#include "fanion/kernels/instruction_set.h"
#include "fanion/kernels/large_pages.h"
#include "fanion/kernels/written.h"
#include "fanion/threads.h"

namespace fanion::kernels {
namespace {

/// f(first, rows) for groups of the rows of W.
template <class F>
void for_rows(const at::Tensor& W, F&& f) {
  const int64_t least = std::max<int64_t>(kThreadShare / std::max<int64_t>(W.size(1), 1), 1);
  at::parallel_for(0, W.size(0), least, [&](int64_t begin, int64_t end) { f(begin, end - begin); });
}

}  // namespace

bool alike_in_memory(const at::Tensor& X, const at::Tensor& Y) {
  const auto fits = [](const at::Tensor& T) {
    return T.scalar_type() == at::kFloat && T.device().is_cpu() && T.is_non_overlapping_and_dense();
  };
  return fits(X) && fits(Y) && X.sizes() == Y.sizes() && X.strides() == Y.strides();
}

at::Tensor momentum_(const at::Tensor& B, const at::Tensor& g, double mu, bool average, bool ahead) {
  TORCH_INTERNAL_ASSERT(alike_in_memory(B, g));
  const auto M = ahead ? empty_in_large_pages(B.sizes(), B.strides(), B.options()) : at::Tensor();
  const auto* from = g.const_data_ptr<float>();
  auto* b = written(B);
  auto* m = ahead ? M.data_ptr<float>() : nullptr;
  const MomentumTerms terms{static_cast<float>(mu), static_cast<float>(1 - mu), average, ahead, /*update=*/true};
  at::parallel_for(0, B.numel(), kThreadShare, [&](int64_t begin, int64_t end) {
    loops_in_use().momentum(from + begin, b + begin, ahead ? m + begin : nullptr, end - begin, terms);
  });
  return M;
}

bool takes_low_rank(const at::Tensor& W, int64_t columns) {
  constexpr int64_t kFewColumns = 32;
  return columns <= kFewColumns && W.dim() == 2 && W.scalar_type() == at::kFloat && W.device().is_cpu() &&
         (W.is_contiguous() || W.t().is_contiguous());
}

void add_low_rank_(const at::Tensor& W, const at::Tensor& U, const at::Tensor& V, double keep, double take) {
  TORCH_INTERNAL_ASSERT(takes_low_rank(W, U.size(1)));
  if (!W.is_contiguous()) return add_low_rank_(W.t(), V, U, keep, take);
  const int64_t n = W.size(1), k = U.size(1);
  const auto left = (U.to(at::kFloat) * take).contiguous(), right = V.to(at::kFloat).t().contiguous();
  const auto *l = left.const_data_ptr<float>(), *v = right.const_data_ptr<float>();
  auto* w = written(W);
  for_rows(W, [&](int64_t first, int64_t rows) {
    loops_in_use().low_rank_step(w + first * n, rows, n, l + first * k, v, k, static_cast<float>(keep));
  });
}

void add_sign_(const at::Tensor& W, const at::Tensor& M, const at::Tensor& L, const at::Tensor& V, double keep,
               double take) {
  TORCH_INTERNAL_ASSERT(alike_in_memory(W, M) && W.dim() == 2 && W.is_contiguous());
  const int64_t n = W.size(1);
  const auto left = L.defined() ? L.to(at::kFloat).neg().contiguous() : at::empty({W.size(0), 0}, at::kFloat);
  const auto right = L.defined() ? V.to(at::kFloat).t().contiguous() : at::empty({0, n}, at::kFloat);
  const int64_t k = left.size(1);
  const auto *l = left.const_data_ptr<float>(), *v = right.const_data_ptr<float>(), *m = M.const_data_ptr<float>();
  auto* w = written(W);
  for_rows(W, [&](int64_t first, int64_t rows) {
    loops_in_use().sign_step(m + first * n, rows, n, l + first * k, v, k, w + first * n, static_cast<float>(keep),
                             static_cast<float>(take));
  });
}

void blend_(const at::Tensor& Y, const at::Tensor& X, double keep, double take) {
  TORCH_INTERNAL_ASSERT(alike_in_memory(Y, X));
  auto* y = written(Y);
  const auto* x = X.const_data_ptr<float>();
  at::parallel_for(0, Y.numel(), kThreadShare, [&](int64_t begin, int64_t end) {
    loops_in_use().blend(y + begin, x + begin, end - begin, static_cast<float>(keep), static_cast<float>(take));
  });
}

}  // namespace fanion::kernels
