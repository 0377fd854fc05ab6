#include "fanion/optim/check_step.h"

#include <ATen/TensorOperators.h>

#include <algorithm>
#include <map>
#include <unordered_set>

namespace fanion::optim {
namespace {

constexpr const char* kRemedy =
    "; if the parameter was cast or moved after the optimizer was made, load_state_dict(state_dict()) of the optimizer "
    "takes its state along";

void check_tensors(const StepEntry& e, const GroupSettings& settings) {
  const auto& W = e.parameter;
  TORCH_CHECK_VALUE(W.is_floating_point(), label(e), " is ", W.scalar_type(),
                    "; steps take real floating-point numbers");
  TORCH_CHECK_VALUE(W.layout() == at::kStrided, label(e), " has layout ", W.layout(), "; steps take dense parameters");
  TORCH_CHECK_VALUE(e.grad.layout() == at::kStrided, label(e), " has a sparse gradient; steps need dense ones");
  TORCH_CHECK_VALUE(e.grad.sizes() == W.sizes() && e.grad.device() == W.device() && e.grad.is_floating_point(),
                    label(e), " is ", W.scalar_type(), W.sizes(), " on ", W.device(), ", its gradient ",
                    e.grad.scalar_type(), e.grad.sizes(), " on ", e.grad.device(), "; they must agree");
  std::vector<StateKind> kinds;
  try {
    kinds = state_kinds(W, settings);
  } catch (const c10::Error& error) {
    TORCH_CHECK_VALUE(false, label(e), ": ", error.what_without_backtrace());
  }
  TORCH_CHECK_VALUE(kinds.size() == e.state.size(), label(e), " has ", e.state.size(), " state tensors, needed are ",
                    kinds.size());
  for (std::size_t k = 0; k < kinds.size(); ++k) {
    const auto& [kind, tensor] = e.state[k];
    const auto& needed = kinds[k];
    TORCH_CHECK_VALUE(kind == needed.name, label(e), " has the state ", kind, " where ", needed.name, " is needed");
    const bool anywhere = needed.sizes.empty();  // a step count may stay on the host
    TORCH_CHECK_VALUE(tensor.sizes() == needed.sizes && tensor.scalar_type() == needed.dtype &&
                          (anywhere || tensor.device() == W.device()),
                      label(e), ": its ", kind, " is ", tensor.scalar_type(), tensor.sizes(), " on ", tensor.device(),
                      ", needed is ", needed.dtype, at::IntArrayRef(needed.sizes), " on ", W.device(), kRemedy);
  }
}

void check_distinct(const std::vector<StepEntry>& entries) {
  std::unordered_set<const void*> seen;
  for (const auto& e : entries)
    TORCH_CHECK_VALUE(seen.insert(e.parameter.unsafeGetTensorImpl()).second, label(e), " is listed twice");
}

/// What is looked at: a gradient, or a warm start, of an entry.
struct Look {
  at::Tensor tensor;
  std::size_t entry;
  bool is_gradient, may_skip;
};

std::vector<Look> looks(const std::vector<StepEntry>& entries, const std::vector<GroupSettings>& groups) {
  std::vector<Look> all;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto policy = nonfinite_of(groups[entries[i].group]);
    if (policy == NonfinitePolicy::ignore) continue;
    all.push_back({entries[i].grad, i, true, policy == NonfinitePolicy::skip});
    for (const auto& [kind, tensor] : entries[i].state)
      if (kind == "warm_start" && tensor.numel() > 0) all.push_back({tensor, i, false, false});
  }
  return all;
}

/// On the host: throws, or flags the entries to leave alone.
void look_now(const std::vector<StepEntry>& entries, const std::vector<Look>& all, std::vector<bool>& skip) {
  std::vector<at::Tensor> tensors;
  for (const auto& look : all) tensors.push_back(look.tensor);
  std::vector<std::string> errors;
  for (const auto j : nonfinite(tensors)) {
    const auto& look = all[static_cast<std::size_t>(j)];
    TORCH_CHECK_VALUE(look.is_gradient, "NaN or infinite entries in the warm_start of ", label(entries[look.entry]),
                      "; nothing was changed");
    if (!look.may_skip) errors.push_back(label(entries[look.entry]));
    skip[look.entry] = true;
  }
  TORCH_CHECK_VALUE(errors.empty(), "NaN or infinite entries in the gradient of ", first_labels(errors),
                    "; nothing was changed (nonfinite='skip' leaves such parameters alone)");
}

/// On one device: flags of the entries there, by their index, and what the log is to know.
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

}  // namespace

CheckedStep check_step(const std::vector<StepEntry>& entries, const std::vector<GroupSettings>& groups,
                       const StepCall& call) {
  for (const auto& settings : groups) check_settings(settings);
  for (const auto& e : entries)
    TORCH_CHECK_VALUE(e.group < groups.size(), label(e), ": there are ", groups.size(), " groups");
  check_distinct(entries);
  for (const auto& e : entries) check_tensors(e, groups[e.group]);

  const auto by_flags = [&](const StepEntry& e) { return call.log != nullptr && in_stacks(e.parameter, call.stacks); };
  const bool all_by_flags = std::ranges::all_of(entries, by_flags);
  if (call.found_inf.defined() && !all_by_flags && call.found_inf.item<double>() != 0) return {};
  std::vector<Look> now;
  std::map<std::string, std::vector<Look>> there;
  for (auto& look : looks(entries, groups))
    (by_flags(entries[look.entry]) ? there[look.tensor.device().str()] : now).push_back(std::move(look));
  std::vector<bool> skip(entries.size(), false);
  look_now(entries, now, skip);
  std::vector<at::Tensor> go(entries.size());
  if (all_by_flags && call.found_inf.defined() && there.empty() && !entries.empty())
    there[entries[0].parameter.device().str()];
  for (const auto& [device, all] : there) {
    std::vector<at::Tensor> flags(entries.size());
    look_there(entries, all, call, flags);
    for (std::size_t i = 0; i < entries.size(); ++i)
      if (by_flags(entries[i]) && entries[i].parameter.device().str() == device) go[i] = flags[i];
  }
  CheckedStep checked;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (skip[i])
      ++checked.skipped;
    else
      checked.active.push_back({i, go[i]});
  }
  return checked;
}

}  // namespace fanion::optim
