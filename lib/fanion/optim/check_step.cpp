#include "fanion/optim/check_step.h"

#include <algorithm>
#include <exception>
#include <map>

#include "fanion/distributed/agreement.h"
#include "fanion/optim/checks/nonfinite_looks.h"
#include "fanion/optim/checks/step_entries.h"

namespace fanion::optim {
namespace {

/// What decides the step of a spread parameter.
std::vector<std::string> facts_of(const StepEntry& e, const GroupSettings& settings) {
  std::vector<std::string> facts{c10::str(e.parameter.scalar_type(), at::IntArrayRef(e.spread->sizes)),
                                 e.grad.defined() ? "with a gradient" : "without a gradient"};
  for (const auto& axis : e.spread->axes)
    facts.push_back(axis.splits()     ? c10::str("split along ", axis.dimension)
                    : axis.averages() ? std::string("with gradients to be averaged")
                                      : std::string("replicated"));
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
