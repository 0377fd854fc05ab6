#pragma once

#include <filesystem>

#include "fanion/optim/lmo_optimizer.h"
#include "models/gpt.h"
#include "record/safetensors.h"

namespace fanion::record {

/// Where a training stands, beside its tensors.
struct Progress {
  int64_t step = 0;              ///< optimizer steps taken
  double seconds = 0;            ///< spent training, without validation
  double optimizer_seconds = 0;  ///< of these in the optimizer
};

/// What the metadata of a checkpoint say. Throws, beginning with `source`, if they are damaged.
Progress progress_of(const Metadata& metadata, const std::string& source);

/// Writes model and optimizer state and the progress, atomically.
void save_checkpoint(const std::filesystem::path& file, const models::Gpt& model, const optim::LmoOptimizer& optimizer,
                     const Progress& progress);

/// Reads them back in place. Throws, naming the file, if it is damaged or of another model or optimizer;
/// nothing is changed then.
Progress load_checkpoint(const std::filesystem::path& file, const models::Gpt& model,
                         const optim::LmoOptimizer& optimizer);
/// The same for the model alone.
Progress load_model(const std::filesystem::path& file, const models::Gpt& model);

}  // namespace fanion::record
