#pragma once

#include <functional>
#include <string>

#include "record/checkpoint.h"

namespace fanion::experiments {

/// What a watcher of a training is told after every step and every validation.
struct TrainingEvent {
  record::Progress progress;
  int64_t steps = 0;
  double loss = 0;             ///< of the last batch; NaN before the first step
  double validation_loss = 0;  ///< the first quantity of the last validation; NaN before the first
  std::string unit;            ///< of work: "tok"
  double work_per_step = 0;
  bool validated = false;  ///< this event closes a validation
};
using Watcher = std::function<void(const TrainingEvent&)>;

}  // namespace fanion::experiments
