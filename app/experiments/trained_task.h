#pragma once

#include <memory>
#include <vector>

#include "experiments/experiment.h"
#include "record/checkpoint.h"
#include "record/run_folder.h"

namespace fanion::experiments {

/// Parameters and buffers under the names that a checkpoint holds them by.
record::NamedTensors checkpoint_names(const std::vector<Parameter>& parameters,
                                      const record::NamedTensors& buffers = {});

struct TrainedTask {
  std::unique_ptr<Experiment> experiment;
  std::unique_ptr<Task> task;
  record::Progress progress;
};
/// The task of a run with the parameters of its checkpoint, on the CPU. Throws if there is none yet, or its data are
/// gone or others.
TrainedTask trained_task(const record::RunFolder& run);

}  // namespace fanion::experiments
