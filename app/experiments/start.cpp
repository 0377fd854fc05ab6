#include "experiments/start.h"

#include <c10/util/Exception.h>

#include "experiments/trained_task.h"
#include "record/checkpoint.h"

namespace fanion::experiments {

std::string start_file(const std::string& run_or_file) {
  auto path = std::filesystem::absolute(run_or_file);
  if (std::filesystem::is_directory(path)) path /= "checkpoint.safetensors";
  return path.lexically_normal().string();
}

void start_from(Task& task, const std::filesystem::path& checkpoint) {
  TORCH_CHECK_VALUE(std::filesystem::is_regular_file(checkpoint), "--init-from: there is no checkpoint ",
                    checkpoint.string(), "; it takes the folder of a run that has saved one, or such a file");
  record::load_tensors(checkpoint, checkpoint_names(task.parameters(), task.buffers()));
}

}  // namespace fanion::experiments
