#include "fanion/optim/check_step.h"

#include <algorithm>
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

/// "a, b, c and 2 more".
std::string listed(const std::vector<std::string>& labels) {
  constexpr std::size_t kShown = 3;
  std::string text;
  for (std::size_t i = 0; i < std::min(labels.size(), kShown); ++i) text.append(i == 0 ? "" : ", ").append(labels[i]);
  return labels.size() <= kShown ? text : c10::str(text, " and ", labels.size() - kShown, " more");
}

/// One flag per entry: whether to leave it alone.
std::vector<bool> refused(const std::vector<StepEntry>& entries, const std::vector<GroupSettings>& groups) {
  std::vector<at::Tensor> looked_at;
  std::vector<std::size_t> owner;
  const auto look_at = [&](const at::Tensor& tensor, std::size_t i) {
    looked_at.push_back(tensor), owner.push_back(i);
  };
  for (std::size_t i = 0; i < entries.size(); ++i)
    if (nonfinite_of(groups[entries[i].group]) != NonfinitePolicy::ignore) look_at(entries[i].grad, i);
  const auto gradients = owner.size();
  for (std::size_t i = 0; i < gradients; ++i)
    for (const auto& [kind, tensor] : entries[owner[i]].state)
      if (kind == "warm_start" && tensor.numel() > 0) look_at(tensor, owner[i]);

  std::vector<bool> skip(entries.size(), false);
  std::vector<std::string> errors;
  for (const auto j : nonfinite(looked_at)) {
    const auto i = owner[j];
    TORCH_CHECK_VALUE(static_cast<std::size_t>(j) < gradients, "NaN or infinite entries in the warm_start of ",
                      label(entries[i]), "; nothing was changed");
    if (nonfinite_of(groups[entries[i].group]) == NonfinitePolicy::error) errors.push_back(label(entries[i]));
    skip[i] = true;
  }
  TORCH_CHECK_VALUE(errors.empty(), "NaN or infinite entries in the gradient of ", listed(errors),
                    "; nothing was changed (nonfinite='skip' leaves such parameters alone)");
  return skip;
}

}  // namespace

std::vector<std::size_t> check_step(const std::vector<StepEntry>& entries, const std::vector<GroupSettings>& groups) {
  for (const auto& settings : groups) check_settings(settings);
  for (const auto& e : entries)
    TORCH_CHECK_VALUE(e.group < groups.size(), label(e), ": there are ", groups.size(), " groups");
  check_distinct(entries);
  for (const auto& e : entries) check_tensors(e, groups[e.group]);
  const auto skip = refused(entries, groups);
  std::vector<std::size_t> active;
  for (std::size_t i = 0; i < entries.size(); ++i)
    if (!skip[i]) active.push_back(i);
  return active;
}

}  // namespace fanion::optim
