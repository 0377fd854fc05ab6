#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

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

/// Writes tensors and the progress, atomically.
void save_checkpoint(const std::filesystem::path& file, const NamedTensors& tensors, const Progress& progress);

/// Reads back in place all that was saved. Throws, naming the file, if it is damaged or of another model or optimizer;
/// nothing is changed then.
Progress load_checkpoint(const std::filesystem::path& file, const NamedTensors& tensors);
/// The same for some of what was saved.
Progress load_tensors(const std::filesystem::path& file, const NamedTensors& tensors);

}  // namespace fanion::record
