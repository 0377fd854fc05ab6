#include "experiments/runner.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/stack.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>

#include "data/file_identity.h"
#include "experiments/interrupt.h"
#include "experiments/optimizer_groups.h"
#include "experiments/registry.h"
#include "experiments/start.h"
#include "fanion/optim/finite.h"
#include "fanion/optim/matrix_view.h"
#include "observers/observer.h"
#include "record/device_clock.h"

namespace fanion::experiments {
namespace {

/// The matrices of the first group, with their momentum where the optimizer keeps one.
std::vector<observers::ObservedMatrix> observed_matrices(const Task& task, const optim::LmoOptimizer& optimizer) {
  std::map<std::string, at::Tensor> state;
  for (const auto& [name, tensor] : optimizer.named_state()) state[name] = tensor;
  std::vector<observers::ObservedMatrix> matrices;
  for (const auto& p : task.parameters()) {
    if (p.role != Role::matrix) continue;
    observers::ObservedMatrix matrix{p.name, optim::matrix_view(p.tensor.detach()), {}, {}};
    if (p.tensor.grad().defined()) matrix.gradient = optim::matrix_view(p.tensor.grad());
    const auto momentum = state.find(c10::str("0.", matrices.size(), ".momentum_buffer"));
    if (momentum != state.end()) matrix.momentum = optim::matrix_view(momentum->second);
    matrices.push_back(std::move(matrix));
  }
  return matrices;
}

/// One run in memory: what it takes to step, to validate and to save.
class Training {
 public:
  explicit Training(const Experiment& experiment)
      : experiment_(experiment),
        o_(experiment.run),
        device_(o_.device),
        task_(experiment.task()),
        settings_(experiment.settings()),
        optimizer_(optimizer_groups(task_->parameters(), settings_)),
        watches_(observers::watches_from_text(o_.record)) {}

  /// Loss before the step, and the seconds of the optimizer alone. Errors say which step it was.
  std::pair<double, double> step(int64_t step) try {
    const double loss = task_->gradients({o_.seed, step});
    clip_gradients();
    const double start = record::device_seconds(device_);
    set_rates(step);
    optimizer_.step();
    TORCH_CHECK_VALUE(std::isfinite(loss), "the training loss is NaN or infinite");
    return {loss, record::device_seconds(device_) - start};
  } catch (c10::Error& e) {
    e.add_context(c10::str("step ", step + 1, " of ", o_.steps));
    throw;
  }

  /// What the observers that look after `step` see, a line for each matrix.
  std::vector<nlohmann::json> observe(int64_t step) const {
    std::vector<nlohmann::json> lines;
    for (const auto& watch : watches_) {
      if (step % watch.every != 0) continue;
      for (const auto& matrix : observed_matrices(*task_, optimizer_)) {
        auto seen = watch.observe(matrix);
        if (seen.empty()) continue;
        lines.push_back({{"step", step}, {"observer", watch.name}, {"matrix", matrix.name}, {"seen", std::move(seen)}});
      }
    }
    return lines;
  }

  std::vector<double> validate() const {
    const at::NoGradGuard no_grad;
    return task_->validate();
  }

  void start_from(const std::string& checkpoint) { experiments::start_from(*task_, checkpoint); }

  record::NamedTensors tensors() const {
    auto named = checkpoint_names(task_->parameters(), task_->buffers());
    for (const auto& [name, tensor] : optimizer_.named_state()) named.emplace_back("optimizer." + name, tensor);
    return named;
  }

  /// Throws, naming it, if a parameter is no longer finite.
  void check_parameters(int64_t step) const {
    std::vector<at::Tensor> tensors;
    for (const auto& p : task_->parameters()) tensors.push_back(p.tensor.detach());
    for (const auto i : optim::nonfinite(tensors))
      TORCH_CHECK_VALUE(false, "parameter '", task_->parameters()[i].name, "' has NaN or infinite entries after step ",
                        step, "; no checkpoint was written of it");
  }

  double state_bytes_per_parameter() const {
    return static_cast<double>(optimizer_.state_bytes()) / static_cast<double>(parameter_count(task_->parameters()));
  }

 private:
  void set_rates(int64_t step) {
    std::size_t group = 0;
    for (const auto& [role, settings] : settings_)
      optimizer_.param_groups()[group++].options().set_lr(optim::lr_of(settings) * experiment_.rate_factor(role, step));
  }

  void clip_gradients() {
    if (o_.clip == 0) return;
    // In double, where the norm of finite float32 entries is finite.
    std::vector<at::Tensor> gradients, norms;
    for (const auto& p : task_->parameters())
      if (p.tensor.grad().defined()) gradients.push_back(p.tensor.grad());  // a loss need not depend on all of them
    for (const auto& g : gradients) norms.push_back(at::linalg_vector_norm(g, 2, std::nullopt, false, at::kDouble));
    const double norm = at::linalg_vector_norm(at::stack(norms)).item<double>();
    // The optimizer names the gradient that is not finite; a factor of NaN would spread it to all.
    if (norm <= o_.clip || !std::isfinite(norm)) return;
    for (const auto& g : gradients) g.mul_(o_.clip / norm);
  }

  const Experiment& experiment_;
  const RunOptions& o_;
  at::Device device_;
  std::unique_ptr<Task> task_;
  std::map<Role, optim::GroupSettings> settings_;
  optim::LmoOptimizer optimizer_;
  std::vector<observers::Watch> watches_;
};

}  // namespace

record::RunFolder create_run(const std::filesystem::path& folder, const Experiment& experiment) {
  nlohmann::json facts = {{"experiment", experiment.name()}, {"figure", to_json(experiment.figure())}};
  if (!experiment.run.init_from.empty()) facts["start"] = data::identity_of(experiment.run.init_from);
  return record::RunFolder::create(folder, experiment.values(), experiment.data_options(), facts);
}

TrainingResult train(record::RunFolder& run, const Watcher& watch) {
  run.lock();
  const auto experiment = experiment_of(run);
  experiment->check();
  run.check_data();
  const auto& o = experiment->run;
  const auto quantities = experiment->figure().quantities;
  at::set_num_threads(static_cast<int>(o.threads));
  const at::Device device(o.device);
  Training training(*experiment);
  record::Progress progress;
  if (std::filesystem::exists(run.checkpoint())) {
    progress = record::load_checkpoint(run.checkpoint(), training.tensors());
  } else if (!o.init_from.empty()) {
    run.check_start(o.init_from);
    training.start_from(o.init_from);
  }
  run.rewind(progress.step);

  const auto nan = std::numeric_limits<double>::quiet_NaN();
  std::vector<double> values(quantities.size(), nan);
  const auto [unit, work] = experiment->work_per_step();
  TrainingEvent event{progress, o.steps, nan, nan, unit, work, false};
  const auto validate = [&] {
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
    training.check_parameters(progress.step);
    record::save_checkpoint(run.checkpoint(), training.tensors(), progress);
  };

  for (const auto& line : run.metrics())
    for (std::size_t i = 0; i < values.size(); ++i)
      if (line.contains(quantities[i].key)) values[i] = line[quantities[i].key].get<double>();
  event.validation_loss = values.front();
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
    for (const auto& line : training.observe(progress.step)) run.append_observations(line);
    event.progress = progress;
    watch(event);
    if (progress.step % o.eval_every == 0 || progress.step == o.steps) validate();
    if (progress.step % o.checkpoint_every == 0 || progress.step == o.steps) save();
  }
  const bool finished = progress.step >= o.steps;
  if (!finished) save();
  return {finished ? TrainingEnd::finished : TrainingEnd::interrupted, progress, values,
          training.state_bytes_per_parameter()};
}

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
