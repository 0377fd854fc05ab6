#include "experiments/runner.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "data/file_identity.h"
#include "experiments/interrupt.h"
#include "experiments/registry.h"
#include "experiments/training.h"
#include "record/device_clock.h"

namespace fanion::experiments {

record::RunFolder create_run(const std::filesystem::path& folder, const Experiment& experiment, int64_t processes) {
  nlohmann::json facts = {{"experiment", experiment.name()}, {"figure", to_json(experiment.figure())}};
  if (!experiment.run.init_from.empty()) facts["start"] = data::identity_of(experiment.run.init_from);
  if (processes > 1) facts["processes"] = processes;
  return record::RunFolder::create(folder, experiment.values(), experiment.data_options(), facts);
}

TrainingResult train(record::RunFolder& run, const Watcher& watch, const processes::World& world) {
  const bool is_first = world.is_first();
  if (is_first) run.lock();
  const auto experiment = experiment_of(run);
  experiment->run.device = world.device(experiment->run.device);
  experiment->check();
  experiment->check_parts(world.size());
  run.check_data();
  const auto& o = experiment->run;
  const auto quantities = experiment->figure().quantities;
  at::set_num_threads(static_cast<int>(o.threads));
  const at::Device device(o.device);
  Training training(*experiment, world);
  record::Progress progress;
  if (std::filesystem::exists(run.checkpoint())) {
    progress = record::load_checkpoint(run.checkpoint(), training.tensors());
  } else if (!o.init_from.empty()) {
    run.check_start(o.init_from);
    training.start_from(o.init_from);
  }
  if (is_first) {
    run.rewind(progress.step);
    if (const auto choices = training.newton_schulz(); !choices.empty()) run.keep_choice("newton_schulz", choices);
  }

  const auto nan = std::numeric_limits<double>::quiet_NaN();
  std::vector<double> values(quantities.size(), nan);
  const auto [unit, work] = experiment->work_per_step();
  TrainingEvent event{progress, o.steps, nan, nan, unit, work, false};
  const auto validate = [&] {
    if (!is_first) return;
    values = training.validate();
    event.validation_loss = values.front();
    nlohmann::json line = {{"step", progress.step}};
    for (std::size_t i = 0; i < values.size(); ++i) {
      auto words = quantities[i].key;
      std::replace(words.begin(), words.end(), '_', ' ');
      TORCH_CHECK_VALUE(std::isfinite(values[i]), "the ", words, " is NaN or infinite after step ", progress.step,
                        " of ", o.steps);
      line[quantities[i].key] = values[i];
    }
    run.append_metrics(line);
    run.append_timings(
        {{"step", progress.step}, {"seconds", progress.seconds}, {"optimizer_seconds", progress.optimizer_seconds}});
    event.validated = true;
    event.progress = progress;
    watch(event);
    event.validated = false;
  };
  const auto save = [&] {
    if (!is_first) return;
    training.check_parameters(progress.step);
    record::save_checkpoint(run.checkpoint(), training.tensors(), progress);
  };

  for (const auto& line : is_first ? run.metrics() : std::vector<nlohmann::json>())
    for (std::size_t i = 0; i < values.size(); ++i)
      if (line.contains(quantities[i].key)) values[i] = line[quantities[i].key].get<double>();
  event.validation_loss = values.front();
  if (progress.step == 0) {
    if (is_first) run.rewind(-1);
    validate();
  }
  while (progress.step < o.steps && !world.any(interrupted())) {
    const double start = record::device_seconds(device);
    double optimizer_seconds = 0;
    std::tie(event.loss, optimizer_seconds) = training.step(progress.step);
    progress.seconds += record::device_seconds(device) - start;
    progress.optimizer_seconds += optimizer_seconds;
    ++progress.step;
    if (is_first) {
      run.append_metrics({{"step", progress.step}, {"loss", event.loss}});
      for (const auto& line : training.observe(progress.step)) run.append_observations(line);
      event.progress = progress;
      watch(event);
    }
    if (progress.step % o.eval_every == 0 || progress.step == o.steps) validate();
    if (progress.step % o.checkpoint_every == 0 || progress.step == o.steps) save();
  }
  const bool finished = progress.step >= o.steps;
  if (!finished) save();
  return {finished ? TrainingEnd::finished : TrainingEnd::interrupted, progress, values,
          training.state_bytes_per_parameter()};
}

}  // namespace fanion::experiments
