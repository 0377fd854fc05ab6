#include "experiments/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "fanion/names.h"

namespace fanion::experiments {
namespace {

constexpr std::array<Named<Schedule>, 4> kSchedules{{{Schedule::linear, "linear"},
                                                     {Schedule::cosine, "cosine"},
                                                     {Schedule::constant, "constant"},
                                                     {Schedule::inverse_sqrt, "inverse_sqrt"}}};

}  // namespace

double schedule_factor(Schedule schedule, int64_t step, int64_t steps, double warmup, double cooldown) {
  const auto total = static_cast<double>(steps), now = static_cast<double>(step);
  const double rising = warmup * total;
  if (now < rising) return (now + 1) / (rising + 1);
  if (schedule == Schedule::constant) return 1;
  if (schedule == Schedule::inverse_sqrt) return 1 / std::sqrt(now - std::ceil(rising) + 1);
  if (schedule == Schedule::cosine) return 0.5 * (1 + std::cos(std::numbers::pi * (now - rising) / (total - rising)));
  return cooldown == 0 ? 1 : std::min(1.0, (total - now) / (cooldown * total));
}

Schedule schedule_from_name(std::string_view name) { return parse_name(kSchedules, name, "schedule"); }

}  // namespace fanion::experiments
