#include "tasks/gpt_training.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/stack.h>

#include <chrono>
#include <limits>
#include <nlohmann/json.hpp>

#include "data/token_data.h"
#include "tasks/gpt_groups.h"
#include "tasks/gpt_run.h"
#include "tasks/interrupt.h"
#include "tasks/schedule.h"

namespace fanion::tasks {
namespace {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

data::TokenSplit load_data(const GptOptions& o) {
  auto training = data::read_tokens(o.data, o.vocabulary);
  if (o.validation_data.empty()) return {std::move(training), nullptr, o.context};
  const auto validation = data::read_tokens(o.validation_data, o.vocabulary);
  return {std::move(training), &validation, o.context};
}

/// One run in memory: what it takes to step and to validate.
class Training {
 public:
  explicit Training(const GptOptions& options)
      : o_(options),
        device_(options.device),
        data_(load_data(options)),
        model_(make_model(options, data_.vocabulary())),
        optimizer_(gpt_groups(model_, options)) {}

  /// Loss before the step, and the seconds of the optimizer alone.
  std::pair<double, double> step(int64_t step) {
    const auto batch = data_.training_batch(o_.batch, static_cast<uint64_t>(o_.seed), step, device_);
    for (const auto& p : model_.parameters()) p.tensor.mutable_grad() = at::Tensor();
    const auto loss = model_.loss(batch.inputs, batch.targets);
    loss.backward();
    const double value = loss.item<double>();
    clip_gradients();
    const auto start = Clock::now();
    optimizer_.scale_lr(schedule_factor(schedule_from_name(o_.schedule), step, o_.steps, o_.warmup, o_.cooldown));
    optimizer_.step();
    return {value, seconds_since(start)};
  }

  double validation_loss() const {
    const at::NoGradGuard no_grad;
    double sum = 0;
    for (int64_t i = 0; i < o_.eval_batches; ++i) {
      const auto batch = data_.validation_batch(i, o_.eval_batches, o_.batch, device_);
      sum += model_.loss(batch.inputs, batch.targets).item<double>();
    }
    return sum / static_cast<double>(o_.eval_batches);
  }

  const models::Gpt& model() const { return model_; }
  const optim::LmoOptimizer& optimizer() const { return optimizer_; }

 private:
  void clip_gradients() {
    if (o_.clip == 0) return;
    std::vector<at::Tensor> norms;
    for (const auto& p : model_.parameters()) norms.push_back(at::linalg_vector_norm(p.tensor.grad()));
    const auto factor = (o_.clip / at::linalg_vector_norm(at::stack(norms))).clamp_max(1);
    for (const auto& p : model_.parameters()) p.tensor.mutable_grad().mul_(factor);
  }

  const GptOptions& o_;
  at::Device device_;
  data::TokenSplit data_;
  models::Gpt model_;
  optim::LmoOptimizer optimizer_;
};

}  // namespace

TrainingResult train_gpt(record::RunFolder& run, const Watcher& watch) {
  const auto o = options_of(run);
  at::set_num_threads(static_cast<int>(o.threads));
  Training training(o);
  record::Progress progress;
  if (std::filesystem::exists(run.checkpoint()))
    progress = record::load_checkpoint(run.checkpoint(), training.model(), training.optimizer());
  run.rewind(progress.step);

  TrainingEvent event{progress,
                      o.steps,
                      std::numeric_limits<double>::quiet_NaN(),
                      std::numeric_limits<double>::quiet_NaN(),
                      o.batch * o.context,
                      false};
  const auto validate = [&] {
    event.validation_loss = training.validation_loss();
    run.append_metrics({{"step", progress.step}, {"validation_loss", event.validation_loss}});
    run.append_timings(
        {{"step", progress.step}, {"seconds", progress.seconds}, {"optimizer_seconds", progress.optimizer_seconds}});
    event.validated = true;
    event.progress = progress;
    watch(event);
    event.validated = false;
  };
  const auto save = [&] {
    record::save_checkpoint(run.checkpoint(), training.model(), training.optimizer(), progress);
  };

  for (const auto& line : run.metrics())
    if (line.contains("validation_loss")) event.validation_loss = line["validation_loss"].get<double>();
  if (progress.step == 0) {
    run.rewind(-1);
    validate();
  }
  while (progress.step < o.steps && !interrupted()) {
    const auto start = Clock::now();
    double optimizer_seconds = 0;
    std::tie(event.loss, optimizer_seconds) = training.step(progress.step);
    progress.seconds += seconds_since(start);
    progress.optimizer_seconds += optimizer_seconds;
    ++progress.step;
    run.append_metrics({{"step", progress.step}, {"loss", event.loss}});
    event.progress = progress;
    watch(event);
    if (progress.step % o.eval_every == 0 || progress.step == o.steps) validate();
    if (progress.step % o.checkpoint_every == 0 || progress.step == o.steps) save();
  }
  const bool finished = progress.step >= o.steps;
  if (!finished) save();
  return {finished ? TrainingEnd::finished : TrainingEnd::interrupted, progress, event.validation_loss,
          static_cast<double>(training.optimizer().state_bytes()) /
              static_cast<double>(training.model().parameter_count())};
}

}  // namespace fanion::tasks
