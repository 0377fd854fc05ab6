#include "fanion/optim/checks/nonfinite_looks.h"

#include <ATen/TensorOperators.h>

namespace fanion::optim {

std::vector<Look> looks(const std::vector<StepEntry>& entries, const std::vector<GroupSettings>& groups) {
  std::vector<Look> all;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto policy = nonfinite_of(groups[entries[i].group]);
    if (policy == NonfinitePolicy::ignore || !entries[i].grad.defined()) continue;
    all.push_back({entries[i].grad, i, true, policy == NonfinitePolicy::skip});
    for (const auto& [kind, tensor] : entries[i].state)
      if (kind == "warm_start" && tensor.numel() > 0) all.push_back({tensor, i, false, false});
  }
  return all;
}

void look_now(const std::vector<StepEntry>& entries, const std::vector<Look>& all, std::vector<bool>& bad) {
  std::vector<at::Tensor> tensors;
  for (const auto& look : all) tensors.push_back(look.tensor);
  for (const auto j : nonfinite(tensors)) {
    const auto& look = all[static_cast<std::size_t>(j)];
    TORCH_CHECK_VALUE(look.is_gradient, "NaN or infinite entries in the warm_start of ", label(entries[look.entry]),
                      "; nothing was changed");
    bad[look.entry] = true;
  }
}

void refuse_nonfinite(const std::vector<StepEntry>& entries, const std::vector<GroupSettings>& groups,
                      const std::vector<bool>& bad) {
  std::vector<std::string> errors;
  for (std::size_t i = 0; i < entries.size(); ++i)
    if (bad[i] && nonfinite_of(groups[entries[i].group]) == NonfinitePolicy::error) errors.push_back(label(entries[i]));
  TORCH_CHECK_VALUE(errors.empty(), "NaN or infinite entries in the gradient of ", first_labels(errors),
                    "; nothing was changed (nonfinite='skip' leaves such parameters alone)");
}

void look_there(const std::vector<StepEntry>& entries, const std::vector<Look>& all, const StepCall& call,
                std::vector<at::Tensor>& go) {
  std::vector<at::Tensor> strict, lenient;
  NonfiniteLog::Flags errors, skips;
  std::vector<std::size_t> may_skip;
  for (const auto& look : all) {
    (look.may_skip ? lenient : strict).push_back(look.tensor);
    if (look.may_skip) may_skip.push_back(look.entry);
    // What it is called is put into words only where it must be.
    (look.may_skip ? skips : errors)
        .labels.push_back([entry = StepEntry{entries[look.entry].parameter,
                                             {},
                                             {},
                                             entries[look.entry].group,
                                             entries[look.entry].position,
                                             entries[look.entry].name},
                           is_gradient = look.is_gradient] {
          return (is_gradient ? "the gradient of " : "the warm_start of ") + label(entry);
        });
  }
  if (!strict.empty()) errors.bad = nonfinite_flags(strict);
  if (!lenient.empty()) skips.bad = nonfinite_flags(lenient);
  at::Tensor stop = errors.bad.defined() ? errors.bad.any() : at::Tensor();
  if (call.found_inf.defined()) {
    const auto device = all.empty() ? call.found_inf.device() : all[0].tensor.device();
    const auto scaled_wrong = call.found_inf.to(device, /*non_blocking=*/true).reshape(at::IntArrayRef{}) != 0;
    // The scaler knows of what it has found, and says so itself.
    for (auto* bad : {&errors.bad, &skips.bad})
      if (bad->defined()) *bad = bad->logical_and(scaled_wrong.logical_not());
    stop = stop.defined() ? stop.logical_or(scaled_wrong) : scaled_wrong;
  }
  if (stop.defined()) {
    const auto goes = stop.logical_not();
    for (auto& flag : go) flag = goes;
  }
  if (skips.bad.defined()) {
    const auto each = (stop.defined() ? skips.bad.logical_or(stop) : skips.bad).logical_not().unbind();
    for (std::size_t i = 0; i < each.size(); ++i) go[may_skip[i]] = each[i];
  }
  call.log->note(std::move(errors), std::move(skips));
}

}  // namespace fanion::optim
