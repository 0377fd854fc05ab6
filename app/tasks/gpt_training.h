#pragma once

#include <functional>

#include "record/checkpoint.h"
#include "record/run_folder.h"
#include "tasks/gpt_options.h"

namespace fanion::tasks {

/// What a watcher of a training is told after every step and every validation.
struct TrainingEvent {
  record::Progress progress;
  int64_t steps = 0;
  double loss = 0;             ///< of the last batch
  double validation_loss = 0;  ///< NaN before the first validation
  int64_t tokens_per_step = 0;
  bool validated = false;  ///< this event closes a validation
};
using Watcher = std::function<void(const TrainingEvent&)>;

enum class TrainingEnd { finished, interrupted };

struct TrainingResult {
  TrainingEnd end = TrainingEnd::finished;
  record::Progress progress;
  double validation_loss = 0;
  double state_bytes_per_parameter = 0;
};

/// Trains in a run folder, which it holds against other processes, from where its checkpoint stands (from the start
/// without one) to the end of its options.
///
/// The trajectory depends on the options alone, on one machine: batches are a function of (seed, step), state is
/// saved whole, and the logs are cut back to the checkpoint first, so a stopped and continued run equals an
/// uninterrupted one bit for bit. After an interrupt a checkpoint is written and `interrupted` returned.
TrainingResult train_gpt(record::RunFolder& run, const Watcher& watch);

}  // namespace fanion::tasks
