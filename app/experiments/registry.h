#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "experiments/experiment.h"
#include "record/run_folder.h"

namespace fanion::experiments {

/// A new experiment with its default options.
using ExperimentPtr = std::unique_ptr<Experiment>;
using MakeExperiment = std::function<ExperimentPtr()>;

/// Every experiment, in the order of help texts.
const std::vector<MakeExperiment>& registry();

/// The one called `name`, with its default options; throws naming all.
ExperimentPtr experiment_by_name(const std::string& name);

/// The experiment of a run folder with the options its config holds. Throws if one is unknown; they are not checked.
ExperimentPtr experiment_of(const record::RunFolder& run);

}  // namespace fanion::experiments
