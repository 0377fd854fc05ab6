#include "fanion/optim/finite.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <limits>

#include "fanion/kernels/all_finite.h"

namespace fanion::optim {

std::vector<int64_t> nonfinite(at::TensorList tensors) {
  std::vector<at::Tensor> swept, sums;
  std::vector<int64_t> bad, swept_at, summed_at;
  for (int64_t i = 0; i < std::ssize(tensors); ++i) {
    const auto& x = tensors[i];
    const bool sweeps = kernels::takes_all_finite(x);
    (sweeps ? swept_at : summed_at).push_back(i);
    if (sweeps) swept.push_back(x);
    // A sum is NaN or Inf if an entry is. Huge finite entries can overflow it too, hence the exact second look.
    if (!sweeps) sums.push_back(at::sum(x, at::kFloat).to(tensors[summed_at[0]].device()));
  }
  const auto all = kernels::all_finite(swept);
  for (std::size_t i = 0; i < all.size(); ++i)
    if (!all[i]) bad.push_back(swept_at[i]);
  if (!sums.empty()) {
    const auto finite = at::isfinite(at::stack(sums)).to(at::kCPU);
    for (int64_t i = 0; i < finite.numel(); ++i)
      if (!finite.const_data_ptr<bool>()[i] && !at::isfinite(tensors[summed_at[i]]).all().item<bool>())
        bad.push_back(summed_at[i]);
  }
  std::ranges::sort(bad);
  return bad;
}

at::Tensor nonfinite_flags(at::TensorList tensors) {
  std::vector<at::Tensor> full;  // an empty tensor has no largest entry
  for (const auto& x : tensors) full.push_back(x.numel() > 0 ? x : at::zeros({1}, x.options()));
  // The largest entry as a size is NaN or Inf exactly where one is.
  return at::isfinite(at::stack(at::_foreach_norm(full, std::numeric_limits<double>::infinity()))).logical_not_();
}

}  // namespace fanion::optim
