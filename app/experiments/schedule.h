#pragma once

#include <cstdint>
#include <string_view>

namespace fanion::experiments {

enum class Schedule { linear, cosine, constant, inverse_sqrt };

/// The factor on the learning rate in step `step` of `steps` (from 0): a linear rise over the first `warmup`
/// fraction, then flat with a linear fall to 0 over the last `cooldown` fraction, or half a cosine, or flat, or
/// 1/√t in the t-th step after the rise.
double schedule_factor(Schedule schedule, int64_t step, int64_t steps, double warmup, double cooldown);

Schedule schedule_from_name(std::string_view name);

}  // namespace fanion::experiments
