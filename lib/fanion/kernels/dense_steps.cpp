#include "fanion/kernels/dense_steps.h"

#include <ATen/Parallel.h>

#include "fanion/kernels/instruction_set.h"
#include "fanion/kernels/large_pages.h"

namespace fanion::kernels {
namespace {

constexpr int64_t kShare = 32768;  // elements from which a second thread pays

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
  auto* b = B.data_ptr<float>();
  auto* m = ahead ? M.data_ptr<float>() : nullptr;
  at::parallel_for(0, B.numel(), kShare, [&](int64_t begin, int64_t end) {
    loops_in_use().momentum(from + begin, b + begin, ahead ? m + begin : nullptr, end - begin, static_cast<float>(mu),
                            static_cast<float>(1 - mu), average);
  });
  return M;
}

void blend_(const at::Tensor& Y, const at::Tensor& X, double keep, double take) {
  TORCH_INTERNAL_ASSERT(alike_in_memory(Y, X));
  auto* y = Y.data_ptr<float>();
  const auto* x = X.const_data_ptr<float>();
  at::parallel_for(0, Y.numel(), kShare, [&](int64_t begin, int64_t end) {
    loops_in_use().blend(y + begin, x + begin, end - begin, static_cast<float>(keep), static_cast<float>(take));
  });
}

}  // namespace fanion::kernels
