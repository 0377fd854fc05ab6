#include "experiments/training.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/stack.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "experiments/optimizer_groups.h"
#include "experiments/start.h"
#include "experiments/trained_task.h"
#include "fanion/optim/finite.h"
#include "fanion/optim/matrix_view.h"
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

}  // namespace

Training::Training(const Experiment& experiment, const processes::World& world)
    : experiment_(experiment),
      world_(world),
      o_(experiment.run),
      device_(o_.device),
      task_(experiment.task()),
      settings_(experiment.settings()),
      optimizer_(optimizer_groups(task_->parameters(), settings_)),
      watches_(observers::watches_from_text(o_.record)) {}

std::pair<double, double> Training::step(int64_t step) try {
  double loss = task_->gradients({o_.seed, step, world_.rank(), world_.size()});
  average(loss);
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

std::vector<nlohmann::json> Training::observe(int64_t step) const {
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

std::vector<double> Training::validate() const {
  const at::NoGradGuard no_grad;
  return task_->validate();
}

std::map<std::string, std::string> Training::newton_schulz() const {
  return newton_schulz_choices(task_->parameters(), settings_.at(Role::matrix));
}

void Training::start_from(const std::string& checkpoint) { experiments::start_from(*task_, checkpoint); }

record::NamedTensors Training::tensors() const {
  auto named = checkpoint_names(task_->parameters(), task_->buffers());
  for (const auto& [name, tensor] : optimizer_.named_state()) named.emplace_back("optimizer." + name, tensor);
  return named;
}

void Training::check_parameters(int64_t step) const {
  std::vector<at::Tensor> tensors;
  for (const auto& p : task_->parameters()) tensors.push_back(p.tensor.detach());
  for (const auto i : optim::nonfinite(tensors))
    TORCH_CHECK_VALUE(false, "parameter '", task_->parameters()[i].name, "' has NaN or infinite entries after step ",
                      step, "; no checkpoint was written of it");
}

double Training::state_bytes_per_parameter() const {
  return static_cast<double>(optimizer_.state_bytes()) / static_cast<double>(parameter_count(task_->parameters()));
}

void Training::average(double& loss) {
  if (world_.size() == 1) return;
  std::vector<at::Tensor> all{at::scalar_tensor(loss, at::kDouble)};
  for (const auto& p : task_->parameters())
    if (p.tensor.grad().defined()) all.push_back(p.tensor.grad());
  world_.average_(all);
  loss = all[0].item<double>();
}

void Training::set_rates(int64_t step) {
  std::size_t group = 0;
  for (const auto& [role, settings] : settings_)
    optimizer_.param_groups()[group++].options().set_lr(optim::lr_of(settings) * experiment_.rate_factor(role, step));
}

void Training::clip_gradients() {
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

}  // namespace fanion::experiments
