#include "experiments/experiment.h"

#include <ATen/CPUGeneratorImpl.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "experiments/optimizer_groups.h"
#include "experiments/schedule.h"
#include "experiments/start.h"
#include "experiments/tuned_rates.h"
#include "processes/launch.h"

namespace fanion::experiments {

at::Generator generator_of(const Draw& draw, int64_t stream) {
  // mt19937 hashes its seed, and the odd multipliers keep (seed, step, stream) apart.
  return at::detail::createCPUGenerator(static_cast<uint64_t>(draw.seed) * 0x9E3779B97F4A7C15ULL +
                                        static_cast<uint64_t>(stream) * 0xD1B54A32D192ED03ULL +
                                        static_cast<uint64_t>(draw.step));
}

at::Tensor part_of(const at::Tensor& whole, const Draw& draw) {
  const auto size = whole.size(0) / draw.parts;
  return whole.narrow(0, draw.part * size, size);
}

double Task::gradients(const Draw& draw) {
  for (const auto& p : parameters()) p.tensor.mutable_grad() = at::Tensor();
  const auto value = loss(draw);
  value.backward();
  return value.item<double>();
}

OptionTable Experiment::options() {
  auto table = option_table(run);
  for (auto& [role, rate] : role_lr)
    table.push_back({role_name(role) + "_lr", &rate,
                     other_rule() + " learning rate of parameters with the role " + role_name(role)});
  const auto own = own_options();
  table.insert(table.end(), own.begin(), own.end());
  return table;
}

nlohmann::json Experiment::values() const {
  // A table points to what it may write; here it is only read.
  return to_json(const_cast<Experiment*>(this)->options());
}

void Experiment::resolve() {
  if (run.threads == 0) {
    const auto launch = processes::launch_from_environment();
    const int64_t cores = std::thread::hardware_concurrency();
    run.threads = std::max<int64_t>(1, launch ? cores / launch->local_size : cores);
  }
  if (!run.init_from.empty()) run.init_from = start_file(run.init_from);
  resolve_own();
  if (run.lr != 0) return;
  matrix_settings(run);  // an unknown rule is told before an untuned one
  run.lr = tuned_rate(name_, run.optimizer);
}

void Experiment::check_parts(int64_t parts) const {
  TORCH_CHECK_VALUE(parts == 1, name_, " is trained by one process, not by ", parts,
                    ": its loss is no mean over the examples of a batch");
}

void Experiment::check_inputs() const {
  check_data();
  if (!run.init_from.empty()) start_from(*task(), run.init_from);
}

void Experiment::check() const {
  experiments::check(run);
  for (const auto& [role, rate] : role_lr) check_not_negative(role_name(role) + "_lr", rate);
  check_own();
  check_optimizer(run, settings(), matrix_shapes());
}

std::map<Role, optim::GroupSettings> Experiment::settings() const {
  std::map<Role, optim::GroupSettings> settings = {{Role::matrix, matrix_settings(run)}};
  for (const auto& [role, lr] : role_lr) settings.emplace(role, settings_at(lr));
  return settings;
}

optim::GroupSettings Experiment::settings_at(double lr) const { return adamw_settings(run, lr, /*weight_decay=*/0); }

double Experiment::rate_factor(Role, int64_t step) const {
  return schedule_factor(schedule_from_name(run.schedule), step, run.steps, run.warmup, run.cooldown);
}

}  // namespace fanion::experiments
