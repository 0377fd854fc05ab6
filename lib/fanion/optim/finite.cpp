#include "fanion/optim/finite.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/sum.h>

#include <algorithm>

#include "fanion/kernels/all_finite.h"
#include "fanion/names.h"

namespace fanion::optim {
namespace {

constexpr std::array<Named<NonfinitePolicy>, 3> kPolicies{
    {{NonfinitePolicy::error, "error"}, {NonfinitePolicy::skip, "skip"}, {NonfinitePolicy::ignore, "ignore"}}};

}  // namespace

std::vector<int64_t> nonfinite_gradients(at::TensorList grads) {
  std::vector<at::Tensor> swept, sums;
  std::vector<int64_t> bad, swept_at, summed_at;
  for (int64_t i = 0; i < std::ssize(grads); ++i) {
    const bool sweeps = kernels::takes_all_finite(grads[i]);
    (sweeps ? swept_at : summed_at).push_back(i);
    if (sweeps) swept.push_back(grads[i]);
    // A sum is NaN or Inf if an entry is. Huge finite entries can overflow it too, hence the exact second look.
    if (!sweeps) sums.push_back(at::sum(grads[i], at::kFloat).to(grads[summed_at[0]].device()));
  }
  const auto all = kernels::all_finite(swept);
  for (std::size_t i = 0; i < all.size(); ++i)
    if (!all[i]) bad.push_back(swept_at[i]);
  if (!sums.empty()) {
    const auto finite = at::isfinite(at::stack(sums)).to(at::kCPU);
    for (int64_t i = 0; i < finite.numel(); ++i)
      if (!finite.data_ptr<bool>()[i] && !at::isfinite(grads[summed_at[i]]).all().item<bool>())
        bad.push_back(summed_at[i]);
  }
  std::sort(bad.begin(), bad.end());
  return bad;
}

std::vector<bool> check_gradients(at::TensorList grads, const std::vector<std::string>& names, NonfinitePolicy policy) {
  std::vector<bool> skip(grads.size(), false);
  if (policy == NonfinitePolicy::ignore) return skip;
  for (const auto i : nonfinite_gradients(grads)) {
    const auto name = names.empty() ? c10::str("parameter ", i, " of its group, shape ", grads[i].sizes())
                                    : "parameter '" + names[i] + "'";
    TORCH_CHECK_VALUE(policy == NonfinitePolicy::skip, "the gradient of ", name,
                      " has NaN or infinite entries; nothing ",
                      "was changed (nonfinite='skip' leaves such parameters alone)");
    skip[i] = true;
  }
  return skip;
}

NonfinitePolicy nonfinite_policy_from_name(std::string_view name) {
  return parse_name(kPolicies, name, "policy for non-finite gradients");
}
std::string_view name_of(NonfinitePolicy policy) { return find_name(kPolicies, policy); }

}  // namespace fanion::optim
