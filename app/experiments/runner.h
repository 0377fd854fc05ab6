#pragma once

#include <vector>

#include "experiments/experiment.h"
#include "experiments/training_event.h"
#include "processes/world.h"
#include "record/run_folder.h"

namespace fanion::experiments {

enum class TrainingEnd { finished, interrupted };

struct TrainingResult {
  TrainingEnd end = TrainingEnd::finished;
  record::Progress progress;
  std::vector<double> quantities;  ///< of the last validation
  double state_bytes_per_parameter = 0;
};

/// Makes the folder of a new run of a resolved and checked experiment, begun by so many processes.
record::RunFolder create_run(const std::filesystem::path& folder, const Experiment& experiment, int64_t processes = 1);

/// Trains in a run folder, which it holds against other processes, from where its checkpoint stands (from the start
/// without one) to the end of its options.
///
/// The trajectory depends on the options alone, on one machine: losses are a function of (seed, step), state is
/// saved whole, and the logs are cut back to the checkpoint first, so a stopped and continued run equals an
/// uninterrupted one bit for bit. After an interrupt a checkpoint is written and `interrupted` returned.
///
/// With several processes each takes its part of every batch, gradients and losses are averaged, and all make the same
/// step: the trajectory of one process up to the order of those sums. The first validates, observes and writes; the
/// others, whose quantities stay NaN, read the folder, which has to be there for all. An interrupt of one stops all.
TrainingResult train(record::RunFolder& run, const Watcher& watch, const processes::World& world = {});

}  // namespace fanion::experiments
