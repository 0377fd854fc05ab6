#pragma once

#include <vector>

#include "experiments/experiment.h"
#include "experiments/training_event.h"
#include "record/run_folder.h"

namespace fanion::experiments {

enum class TrainingEnd { finished, interrupted };

struct TrainingResult {
  TrainingEnd end = TrainingEnd::finished;
  record::Progress progress;
  std::vector<double> quantities;  ///< of the last validation
  double state_bytes_per_parameter = 0;
};

/// Makes the folder of a new run of a resolved and checked experiment.
record::RunFolder create_run(const std::filesystem::path& folder, const Experiment& experiment);

/// Trains in a run folder, which it holds against other processes, from where its checkpoint stands (from the start
/// without one) to the end of its options.
///
/// The trajectory depends on the options alone, on one machine: losses are a function of (seed, step), state is
/// saved whole, and the logs are cut back to the checkpoint first, so a stopped and continued run equals an
/// uninterrupted one bit for bit. After an interrupt a checkpoint is written and `interrupted` returned.
TrainingResult train(record::RunFolder& run, const Watcher& watch);

}  // namespace fanion::experiments
