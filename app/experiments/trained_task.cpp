#include "experiments/trained_task.h"

#include <c10/util/Exception.h>

#include "experiments/registry.h"

namespace fanion::experiments {

record::NamedTensors checkpoint_names(const std::vector<Parameter>& parameters, const record::NamedTensors& buffers) {
  record::NamedTensors named;
  for (const auto& p : parameters) named.emplace_back("model." + p.name, p.tensor);
  for (const auto& [name, buffer] : buffers) named.emplace_back("model." + name, buffer);
  return named;
}

TrainedTask trained_task(const record::RunFolder& run) {
  TORCH_CHECK_VALUE(std::filesystem::exists(run.checkpoint()), run.path().string(), " has no checkpoint yet");
  auto experiment = experiment_of(run);
  experiment->run.device = "cpu";  // where there may be no other, as there was in training
  experiment->check();
  run.check_data();
  auto task = experiment->task();
  const auto progress = record::load_tensors(run.checkpoint(), checkpoint_names(task->parameters(), task->buffers()));
  return {std::move(experiment), std::move(task), progress};
}

}  // namespace fanion::experiments
