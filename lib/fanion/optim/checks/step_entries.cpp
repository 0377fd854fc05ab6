#include "fanion/optim/checks/step_entries.h"

#include <ATen/TensorOperators.h>

#include <unordered_set>

#include "fanion/optim/held_matrices.h"

namespace fanion::optim {
namespace {

constexpr const char* kRemedy =
    "; if the parameter was cast or moved after the optimizer was made, load_state_dict(state_dict()) of the optimizer "
    "takes its state along";

/// What a matrix rule's step of blocks does not do.
void check_spread(const StepEntry& e, const LmoSettings& settings) {
  for (const auto& matrix : matrices_here({e.spread->sizes, settings.step}, &*e.spread)) {
    if (!matrix.spread) continue;
    const auto layout = distributed::layout_of(distributed::as_matrix(*matrix.spread, settings.step.transposed));
    TORCH_CHECK_VALUE(!layout.over_replicas || settings.rule->takes_replicas(), label(e),
                      " has gradients that the step is to average, by products of the momentum; rules that take such ",
                      "are neon, fanion, nuclear and ky_fan_dual with svd = subspace, and dion, and the rule is ",
                      settings.rule->name());
    TORCH_CHECK_VALUE(!settings.step.error_feedback || !layout.is_spread() || settings.rule->takes_blocks(layout),
                      label(e), " is split over processes; error_feedback of such needs triplets by passes, svd = ",
                      "subspace, and the rule is ", settings.rule->name());
  }
}

void check_tensors(const StepEntry& e, const GroupSettings& settings) {
  const auto& W = e.parameter;
  TORCH_CHECK_VALUE(W.is_floating_point(), label(e), " is ", W.scalar_type(),
                    "; steps take real floating-point numbers");
  TORCH_CHECK_VALUE(W.layout() == at::kStrided, label(e), " has layout ", W.layout(), "; steps take dense parameters");
  if (e.spread)
    TORCH_CHECK_VALUE(W.sizes() == at::IntArrayRef(e.spread->block()), label(e), " is here a block ", W.sizes(),
                      ", which its spread says is ", at::IntArrayRef(e.spread->block()));
  TORCH_CHECK_VALUE(e.grad.layout() == at::kStrided, label(e), " has a sparse gradient; steps need dense ones");
  TORCH_CHECK_VALUE(e.grad.sizes() == W.sizes() && e.grad.device() == W.device() && e.grad.is_floating_point(),
                    label(e), " is ", W.scalar_type(), W.sizes(), " on ", W.device(), ", its gradient ",
                    e.grad.scalar_type(), e.grad.sizes(), " on ", e.grad.device(), "; they must agree");
  std::vector<StateKind> kinds;
  try {
    kinds = state_kinds(W, settings, e.spread ? at::OptionalIntArrayRef(e.spread->sizes) : std::nullopt);
  } catch (const c10::Error& error) {
    TORCH_CHECK_VALUE(false, label(e), ": ", error.what_without_backtrace());
  }
  if (const auto* lmo = std::get_if<LmoSettings>(&settings); e.spread && lmo != nullptr) check_spread(e, *lmo);
  TORCH_CHECK_VALUE(kinds.size() == e.state.size(), label(e), " has ", e.state.size(), " state tensors, needed are ",
                    kinds.size());
  for (std::size_t k = 0; k < kinds.size(); ++k) {
    const auto& [kind, tensor] = e.state[k];
    const auto& needed = kinds[k];
    TORCH_CHECK_VALUE(kind == needed.name, label(e), " has the state ", kind, " where ", needed.name, " is needed");
    const bool anywhere = needed.sizes.empty() || kind == "momentum_step";  // a step count may stay on the host
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

}  // namespace

void check_entries(const std::vector<StepEntry>& entries, const std::vector<GroupSettings>& groups) {
  for (const auto& settings : groups) check_settings(settings);
  for (const auto& e : entries)
    TORCH_CHECK_VALUE(e.group < groups.size(), label(e), ": there are ", groups.size(), " groups");
  check_distinct(entries);
  for (const auto& e : entries)
    if (e.grad.defined()) check_tensors(e, groups[e.group]);
}

}  // namespace fanion::optim
