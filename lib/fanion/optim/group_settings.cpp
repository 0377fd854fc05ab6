#include "fanion/optim/group_settings.h"

#include "fanion/norms/rule_cache.h"
#include "fanion/optim/error_feedback.h"

namespace fanion::optim {
namespace {

constexpr std::string_view kAdamW = "adamw";

/// The options of either kind.
template <class Settings, class Use>
auto with_options(Settings& settings, Use&& use) {
  if (auto* lmo = std::get_if<LmoSettings>(&settings)) return use(lmo->step);
  return use(std::get<AdamWOptions>(settings));
}

}  // namespace

GroupSettings settings_from_text(std::string_view rule, std::string_view options) {
  GroupSettings settings = AdamWOptions{};
  if (rule != kAdamW) settings = LmoSettings{norms::cached_rule(rule), {}};
  with_options(settings, [&](auto& o) { read_options(o, options); });
  return settings;
}

std::vector<OptionLine> option_lines_of(std::string_view rule) {
  return rule == kAdamW ? option_lines(AdamWOptions{}) : option_lines(LmoStepOptions{});
}

void check_settings(const GroupSettings& settings) {
  const auto* lmo = std::get_if<LmoSettings>(&settings);
  TORCH_CHECK_VALUE(lmo == nullptr || lmo->rule, "a group has no rule");
  with_options(settings, [](const auto& o) { check_options(o); });
  if (lmo == nullptr || !lmo->step.error_feedback) return;
  check_feedback(*lmo->rule);
  TORCH_CHECK_VALUE(lmo->step.cosmos_rank == 0, "error_feedback and cosmos_rank = ", lmo->step.cosmos_rank,
                    " exclude each other: which part of the momentum a step of both has captured is not defined");
}

std::vector<std::string> texts_of(const GroupSettings& settings) {
  const auto* lmo = std::get_if<LmoSettings>(&settings);
  std::vector<std::string> texts{lmo == nullptr ? std::string(kAdamW) : lmo->rule->name()};
  const auto lines = with_options(settings, [](const auto& o) { return option_lines(o); });
  for (const auto& line : lines) texts.push_back(line.name + "=" + line.initial);
  return texts;
}

double lr_of(const GroupSettings& settings) {
  return with_options(settings, [](const auto& o) { return o.lr; });
}

void set_lr(GroupSettings& settings, double lr) {
  with_options(settings, [lr](auto& o) { o.lr = lr; });
}

NonfinitePolicy nonfinite_of(const GroupSettings& settings) {
  return with_options(settings, [](const auto& o) { return o.nonfinite; });
}

}  // namespace fanion::optim
