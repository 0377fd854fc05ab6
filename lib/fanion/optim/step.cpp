#include "fanion/optim/step.h"

#include <ATen/core/grad_mode.h>

#include "fanion/no_autocast.h"
#include "fanion/optim/check_step.h"
#include "fanion/optim/lmo_step.h"

namespace fanion::optim {

std::string label(const StepEntry& entry) {
  if (!entry.name.empty()) return c10::str("parameter '", entry.name, "'");
  return c10::str("parameter ", entry.position, " of group ", entry.group, " (shape ", entry.parameter.sizes(), ")");
}

int64_t step_(const std::vector<StepEntry>& entries, const std::vector<GroupSettings>& groups, const StepCall& call) {
  const at::NoGradGuard no_grad;
  const NoAutocast whole;
  const auto checked = check_step(entries, groups, call);
  std::vector<MatrixStep> matrices;
  std::vector<std::vector<AdamWParameter>> others(groups.size());
  for (const auto& [i, go] : checked.active) {
    const auto& [parameter, grad, state, group, position, name] = entries[i];
    if (parameter.numel() == 0) continue;
    if (const auto* lmo = std::get_if<LmoSettings>(&groups[group]))
      matrices.push_back({parameter, grad, &state, lmo, [&entry = entries[i]] { return label(entry); }, go});
    else
      others[group].push_back({parameter, grad, state[0].second, state[1].second, state[2].second, go});
  }
  step_matrices(matrices, call.stacks);
  for (std::size_t g = 0; g < groups.size(); ++g)
    if (!others[g].empty()) adamw_step_(others[g], std::get<AdamWOptions>(groups[g]));
  return checked.skipped;
}

}  // namespace fanion::optim
