#include "fanion/optim/check_step.h"

#include <ATen/TensorOperators.h>

#include <algorithm>
#include <exception>
#include <map>
#include <unordered_set>

#include "fanion/distributed/agreement.h"

namespace fanion::optim {
namespace {

constexpr const char* kRemedy =
    "; if the parameter was cast or moved after the optimizer was made, load_state_dict(state_dict()) of the optimizer "
    "takes its state along";

/// What a matrix rule's step of blocks does not do.
void check_spread(const StepEntry& e, const LmoSettings& settings) {
  const auto layout = distributed::layout_of(distributed::as_matrix(*e.spread, settings.step.transposed));
  TORCH_CHECK_VALUE(!settings.step.error_feedback || !layout.is_spread() || settings.rule->takes_blocks(layout),
                    label(e), " is split over processes; error_feedback of such needs triplets by passes, svd = ",
                    "subspace, and the rule is ", settings.rule->name());
}

void check_tensors(const StepEntry& e, const GroupSettings& settings) {
  const auto& W = e.parameter;
  if (const auto* lmo = std::get_if<LmoSettings>(&settings); e.spread && lmo != nullptr) check_spread(e, *lmo);
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

/// All but what gradients hold.
void check_entries(const std::vector<StepEntry>& entries, const std::vector<GroupSettings>& groups) {
  for (const auto& settings : groups) check_settings(settings);
  for (const auto& e : entries)
    TORCH_CHECK_VALUE(e.group < groups.size(), label(e), ": there are ", groups.size(), " groups");
  check_distinct(entries);
  for (const auto& e : entries)
    if (e.grad.defined()) check_tensors(e, groups[e.group]);
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
    if (policy == NonfinitePolicy::ignore || !entries[i].grad.defined()) continue;
    all.push_back({entries[i].grad, i, true, policy == NonfinitePolicy::skip});
    for (const auto& [kind, tensor] : entries[i].state)
      if (kind == "warm_start" && tensor.numel() > 0) all.push_back({tensor, i, false, false});
  }
  return all;
}

/// On the host: flags the entries whose gradient has NaN or Inf; throws for a warm start.
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

/// Throws where a group's policy says so of one of these entries.
void refuse_nonfinite(const std::vector<StepEntry>& entries, const std::vector<GroupSettings>& groups,
                      const std::vector<bool>& bad) {
  std::vector<std::string> errors;
  for (std::size_t i = 0; i < entries.size(); ++i)
    if (bad[i] && nonfinite_of(groups[entries[i].group]) == NonfinitePolicy::error) errors.push_back(label(entries[i]));
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

/// What decides the step of a spread parameter.
std::vector<std::string> facts_of(const StepEntry& e, const GroupSettings& settings) {
  std::vector<std::string> facts{c10::str(e.parameter.scalar_type(), at::IntArrayRef(e.spread->sizes)),
                                 e.grad.defined() ? "with a gradient" : "without a gradient"};
  for (const auto& axis : e.spread->axes)
    facts.push_back(axis.splits() ? c10::str("split along ", axis.dimension) : std::string("replicated"));
  for (auto& text : texts_of(settings)) facts.push_back(std::move(text));
  for (const auto& [kind, tensor] : e.state) facts.push_back(c10::str(kind, " in ", tensor.scalar_type()));
  return facts;
}

/// Makes `bad` what any process has found, where entries are spread; `refusal`: why this one does not step.
void agree_on(const std::vector<StepEntry>& entries, const std::vector<GroupSettings>& groups, std::vector<bool>& bad,
              const std::string& refusal) {
  std::vector<distributed::Statement> statements;
  std::vector<std::size_t> owner;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto& e = entries[i];
    if (!e.spread) continue;
    auto facts = refusal.empty() ? facts_of(e, groups[e.group]) : std::vector<std::string>();
    statements.push_back({&*e.spread, label(e), std::move(facts), bad[i], e.parameter.device()});
    owner.push_back(i);
  }
  distributed::agree(statements, refusal);
  for (std::size_t j = 0; j < owner.size(); ++j) bad[owner[j]] = statements[j].is_nonfinite;
}

}  // namespace

CheckedStep check_step(const std::vector<StepEntry>& entries, const std::vector<GroupSettings>& groups,
                       const StepCall& call) {
  const auto by_flags = [&](const StepEntry& e) {
    return call.log != nullptr && !e.spread && in_stacks(e.parameter, call.stacks);
  };
  const bool all_by_flags = std::ranges::all_of(entries, by_flags);
  if (call.found_inf.defined() && !all_by_flags && call.found_inf.item<double>() != 0) return {};
  std::vector<bool> bad(entries.size(), false);
  std::map<std::string, std::vector<Look>> there;
  std::exception_ptr refusal;
  std::string why;
  try {
    check_entries(entries, groups);
    std::vector<Look> now;
    for (auto& look : looks(entries, groups))
      (by_flags(entries[look.entry]) ? there[look.tensor.device().str()] : now).push_back(std::move(look));
    look_now(entries, now, bad);
  } catch (const c10::Error& error) {
    refusal = std::current_exception(), why = error.what_without_backtrace();
  }
  agree_on(entries, groups, bad, why);  // the other processes of a spread parameter wait for this one's word
  if (refusal) std::rethrow_exception(refusal);
  refuse_nonfinite(entries, groups, bad);
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
    if (bad[i])
      ++checked.skipped;
    else if (entries[i].grad.defined())
      checked.active.push_back({i, go[i]});
  }
  return checked;
}

}  // namespace fanion::optim
