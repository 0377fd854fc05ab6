#include "tasks/gpt_training.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/stack.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "data/token_data.h"
#include "fanion/optim/finite.h"
#include "record/device_clock.h"
#include "tasks/gpt_groups.h"
#include "tasks/gpt_run.h"
#include "tasks/interrupt.h"
#include "tasks/schedule.h"

namespace fanion::tasks {
namespace {

/// One run in memory: what it takes to step and to validate.
class Training {
 public:
  explicit Training(const GptOptions& options)
      : o_(options),
        device_(options.device),
        data_(load_data(options)),
        model_(make_model(options, data_.vocabulary())),
        optimizer_(gpt_groups(model_, options)) {}

  /// Loss before the step, and the seconds of the optimizer alone. Errors say which step it was.
  std::pair<double, double> step(int64_t step) try {
    const auto batch = data_.training_batch(o_.batch, static_cast<uint64_t>(o_.seed), step, device_);
    for (const auto& p : model_.parameters()) p.tensor.mutable_grad() = at::Tensor();
    const auto loss = model_.loss(batch.inputs, batch.targets);
    loss.backward();
    const double value = loss.item<double>();
    clip_gradients();
    const double start = record::device_seconds(device_);
    optimizer_.scale_lr(schedule_factor(schedule_from_name(o_.schedule), step, o_.steps, o_.warmup, o_.cooldown));
    optimizer_.step();
    return {value, record::device_seconds(device_) - start};
  } catch (c10::Error& e) {
    e.add_context(c10::str("step ", step + 1, " of ", o_.steps));
    throw;
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

  /// Throws, naming it, if a parameter is no longer finite.
  void check_parameters(int64_t step) const {
    std::vector<at::Tensor> tensors;
    for (const auto& p : model_.parameters()) tensors.push_back(p.tensor.detach());
    for (const auto i : optim::nonfinite_gradients(tensors))
      TORCH_CHECK_VALUE(false, "parameter '", model_.parameters()[i].name, "' has NaN or infinite entries after step ",
                        step, "; no checkpoint was written of it");
  }

  const models::Gpt& model() const { return model_; }
  const optim::LmoOptimizer& optimizer() const { return optimizer_; }

 private:
  void clip_gradients() {
    if (o_.clip == 0) return;
    // In double, where the norm of finite float32 entries is finite.
    std::vector<at::Tensor> norms;
    for (const auto& p : model_.parameters())
      norms.push_back(at::linalg_vector_norm(p.tensor.grad(), 2, std::nullopt, false, at::kDouble));
    const double norm = at::linalg_vector_norm(at::stack(norms)).item<double>();
    // The optimizer names the gradient that is not finite; a factor of NaN would spread it to all.
    if (norm <= o_.clip || !std::isfinite(norm)) return;
    for (const auto& p : model_.parameters()) p.tensor.mutable_grad().mul_(o_.clip / norm);
  }

  const GptOptions& o_;
  at::Device device_;
  data::TokenSplit data_;
  models::Gpt model_;
  optim::LmoOptimizer optimizer_;
};

}  // namespace

TrainingResult train_gpt(record::RunFolder& run, const Watcher& watch) {
  run.lock();
  const auto o = options_of(run);
  check(o);
  run.check_data();
  at::set_num_threads(static_cast<int>(o.threads));
  const at::Device device(o.device);
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
    TORCH_CHECK_VALUE(std::isfinite(event.validation_loss), "the validation loss is NaN or infinite after step ",
                      progress.step, " of ", o.steps);
    run.append_metrics({{"step", progress.step}, {"validation_loss", event.validation_loss}});
    run.append_timings(
        {{"step", progress.step}, {"seconds", progress.seconds}, {"optimizer_seconds", progress.optimizer_seconds}});
    event.validated = true;
    event.progress = progress;
    watch(event);
    event.validated = false;
  };
  const auto save = [&] {
    training.check_parameters(progress.step);
    record::save_checkpoint(run.checkpoint(), training.model(), training.optimizer(), progress);
  };

  for (const auto& line : run.metrics())
    if (line.contains("validation_loss")) event.validation_loss = line["validation_loss"].get<double>();
  if (progress.step == 0) {
    run.rewind(-1);
    validate();
  }
  while (progress.step < o.steps && !interrupted()) {
    const double start = record::device_seconds(device);
    double optimizer_seconds = 0;
    std::tie(event.loss, optimizer_seconds) = training.step(progress.step);
    progress.seconds += record::device_seconds(device) - start;
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
