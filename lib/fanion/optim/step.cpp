#include "fanion/optim/step.h"

#include <ATen/core/grad_mode.h>
#include <c10/util/accumulate.h>

#include <algorithm>
#include <map>

#include "fanion/distributed/collectives.h"
#include "fanion/no_autocast.h"
#include "fanion/optim/check_step.h"
#include "fanion/optim/lmo_step.h"
#include "fanion/optim/packed_steps.h"
#include "fanion/optim/sharded_step.h"

namespace fanion::optim {

namespace {

/// The gradients of all entries; those under AdamW that the step is to average, averaged: one collective for a group of
/// processes and a dtype.
std::vector<at::Tensor> averaged_gradients(const std::vector<StepEntry>& entries,
                                           const std::vector<GroupSettings>& groups, const CheckedStep& checked) {
  std::vector<at::Tensor> gradients;
  for (const auto& e : entries) gradients.push_back(e.grad);
  std::map<std::pair<std::string, int64_t>, std::vector<std::size_t>> together;
  for (const auto& [i, go] : checked.active)
    if (entries[i].spread && !std::holds_alternative<LmoSettings>(groups[entries[i].group]))
      for (const auto& axis : entries[i].spread->axes)
        if (axis.averages()) together[{axis.group, std::ssize(axis.sizes)}].push_back(i);
  for (const auto& [group, places] : together) {
    std::vector<at::Tensor> means;
    for (const auto i : places) means.push_back(gradients[i]);
    distributed::mean_over(means, group.second, group.first);
    for (std::size_t j = 0; j < places.size(); ++j) gradients[places[j]] = means[j];
  }
  return gradients;
}

}  // namespace

std::string label(const StepEntry& entry) {
  if (!entry.name.empty()) return c10::str("parameter '", entry.name, "'");
  return c10::str("parameter ", entry.position, " of group ", entry.group, " (shape ",
                  entry.spread ? at::IntArrayRef(entry.spread->sizes) : entry.parameter.sizes(), ")");
}

int64_t step_(const std::vector<StepEntry>& entries, const std::vector<GroupSettings>& groups, const StepCall& call) {
  const at::NoGradGuard no_grad;
  const NoAutocast whole;
  const auto checked = check_step(entries, groups, call);
  const auto averaged = averaged_gradients(entries, groups, checked);
  std::vector<MatrixStep> matrices, spread_out;
  PackedSteps packed;
  std::vector<std::vector<AdamWParameter>> others(groups.size());
  for (const auto& [i, go] : checked.active) {
    const auto& [parameter, grad, state, group, position, name, spread] = entries[i];
    const auto* lmo = std::get_if<LmoSettings>(&groups[group]);
    const bool is_part = spread && spread->is_part();
    const auto label_of_this = [&entry = entries[i]] { return label(entry); };
    const at::IntArrayRef sizes = spread ? at::IntArrayRef(spread->sizes) : parameter.sizes();
    const bool has_entries = is_part ? c10::multiply_integers(sizes) > 0 : parameter.numel() > 0;
    if (lmo != nullptr && has_entries && !HeldMatrices(sizes, lmo->step).is_one())
      packed.add({parameter, grad, &state, lmo, label_of_this, go, is_part ? &*spread : nullptr});
    else if (lmo != nullptr && is_part && has_entries)
      spread_out.push_back({parameter, grad, &state, lmo, label_of_this, go, &*spread});
    else if (parameter.numel() == 0) {
      if (lmo == nullptr && spread) state[2].second.add_(1);  // AdamW's count goes on where others have the entries
    } else if (lmo != nullptr)
      matrices.push_back({parameter, grad, &state, lmo, label_of_this, go});
    else
      others[group].push_back({parameter, averaged[i], state[0].second, state[1].second, state[2].second, go});
  }
  for (const auto& step : packed.steps()) (step.spread != nullptr ? spread_out : matrices).push_back(step);
  step_matrices(matrices, call.stacks);
  step_sharded(spread_out);
  packed.keep();
  for (std::size_t g = 0; g < groups.size(); ++g)
    if (!others[g].empty()) adamw_step_(others[g], std::get<AdamWOptions>(groups[g]));
  return checked.skipped;
}

}  // namespace fanion::optim
