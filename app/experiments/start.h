#pragma once

#include <filesystem>
#include <string>

#include "experiments/experiment.h"

namespace fanion::experiments {

/// What --init-from names, a run's folder or a checkpoint file, as the absolute path of the checkpoint.
std::string start_file(const std::string& run_or_file);

/// Overwrites the parameters and buffers of `task` with those of a checkpoint. Throws, naming it, if it is missing,
/// damaged or of another model; nothing is changed then.
void start_from(Task& task, const std::filesystem::path& checkpoint);

}  // namespace fanion::experiments
