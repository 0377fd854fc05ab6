#include "fanion/optim/step.h"

#include <ATen/core/grad_mode.h>
#include <c10/util/accumulate.h>

#include <algorithm>

#include "fanion/no_autocast.h"
#include "fanion/optim/check_step.h"
#include "fanion/optim/lmo_step.h"
#include "fanion/optim/sharded_step.h"

namespace fanion::optim {

std::string label(const StepEntry& entry) {
  if (!entry.name.empty()) return c10::str("parameter '", entry.name, "'");
  return c10::str("parameter ", entry.position, " of group ", entry.group, " (shape ",
                  entry.spread ? at::IntArrayRef(entry.spread->sizes) : entry.parameter.sizes(), ")");
}

int64_t step_(const std::vector<StepEntry>& entries, const std::vector<GroupSettings>& groups, const StepCall& call) {
  const at::NoGradGuard no_grad;
  const NoAutocast whole;
  const auto checked = check_step(entries, groups, call);
  std::vector<MatrixStep> matrices, spread_out;
  std::vector<std::vector<AdamWParameter>> others(groups.size());
  for (const auto& [i, go] : checked.active) {
    const auto& [parameter, grad, state, group, position, name, spread] = entries[i];
    const auto* lmo = std::get_if<LmoSettings>(&groups[group]);
    const bool is_split = spread && std::ranges::any_of(spread->axes, &distributed::MeshAxis::splits);
    const auto label_of_this = [&entry = entries[i]] { return label(entry); };
    if (lmo != nullptr && is_split && c10::multiply_integers(spread->sizes) > 0)
      spread_out.push_back({parameter, grad, &state, lmo, label_of_this, go, &*spread});
    else if (parameter.numel() == 0) {
      if (lmo == nullptr && spread) state[2].second.add_(1);  // AdamW's count goes on where others have the entries
    } else if (lmo != nullptr)
      matrices.push_back({parameter, grad, &state, lmo, label_of_this, go});
    else
      others[group].push_back({parameter, grad, state[0].second, state[1].second, state[2].second, go});
  }
  step_matrices(matrices, call.stacks);
  step_sharded(spread_out);
  for (std::size_t g = 0; g < groups.size(); ++g)
    if (!others[g].empty()) adamw_step_(others[g], std::get<AdamWOptions>(groups[g]));
  return checked.skipped;
}

}  // namespace fanion::optim
