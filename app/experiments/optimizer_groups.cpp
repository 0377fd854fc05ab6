#include "experiments/optimizer_groups.h"

#include "fanion/dtype_names.h"
#include "fanion/norms/registry.h"
#include "fanion/optim/matrix_view.h"

namespace fanion::experiments {
namespace {

optim::GroupSettings matrix_settings_of(const RunOptions& o) {
  if (o.optimizer == "adamw") {
    const auto settings = adamw_settings(o, o.lr, o.step.weight_decay);
    optim::check_options(settings);
    return settings;
  }
  optim::LmoSettings settings{norms::rule_from_name(o.optimizer, o.rule_defaults), o.step};
  settings.step.lr = o.lr;
  optim::check_settings(settings);
  return settings;
}

/// What an error of `run` adds to say which option it is about.
template <class Function>
auto about_optimizer(const RunOptions& o, Function&& run) {
  try {
    return run();
  } catch (c10::Error& e) {
    e.add_context(c10::str("--optimizer ", o.optimizer, "; 'fanion rules' lists the rules, adamw is there too"));
    throw;
  }
}

}  // namespace

optim::AdamWOptions adamw_settings(const RunOptions& o, double lr, double weight_decay) {
  auto options = o.adamw;
  options.lr = lr, options.weight_decay = weight_decay, options.nonfinite = o.step.nonfinite;
  return options;
}

optim::GroupSettings matrix_settings(const RunOptions& o) {
  return about_optimizer(o, [&] { return matrix_settings_of(o); });
}

void check_optimizer(const RunOptions& o, const std::map<Role, optim::GroupSettings>& settings,
                     const std::vector<std::pair<int64_t, int64_t>>& matrix_shapes) {
  for (const auto& [role, each] : settings) optim::check_settings(each);
  const auto* lmo = std::get_if<optim::LmoSettings>(&settings.at(Role::matrix));
  if (lmo == nullptr) return;
  about_optimizer(o, [&] {
    for (const auto& [m, n] : matrix_shapes) lmo->rule->warm_columns(m, n);
  });
}

std::map<std::string, std::string> newton_schulz_choices(const std::vector<Parameter>& parameters,
                                                         const optim::GroupSettings& of_matrices) {
  std::map<std::string, std::string> choices;
  const auto* lmo = std::get_if<optim::LmoSettings>(&of_matrices);
  if (lmo == nullptr) return choices;
  for (const auto& p : parameters) {
    if (p.role != Role::matrix) continue;
    const auto M = optim::matrix_view(p.tensor.detach());
    if (const auto choice = lmo->rule->newton_schulz_choice(M))
      choices[c10::str(M.size(0), "x", M.size(1))] =
          c10::str(fanion::dtype_name(linalg::dtype_of_products(M, *choice)), ", ", name_of(choice->form));
  }
  return choices;
}

std::vector<optim::ParamGroup> optimizer_groups(const std::vector<Parameter>& parameters,
                                                const std::map<Role, optim::GroupSettings>& settings) {
  std::vector<optim::ParamGroup> groups;
  std::map<Role, std::size_t> group_of;
  for (const auto& [role, each] : settings) {
    group_of[role] = groups.size();
    groups.push_back({{}, each, {}});
  }
  for (const auto& p : parameters) {
    const auto found = group_of.find(p.role);
    TORCH_CHECK(found != group_of.end(), "parameter '", p.name, "' has the role ", role_name(p.role),
                ", for which the experiment gives no learning rate");
    groups[found->second].params.push_back(p.tensor);
    groups[found->second].names.push_back(p.name);
  }
  return groups;
}

}  // namespace fanion::experiments
