#include "experiments/run_options.h"

#include <ATen/ops/zeros.h>

#include <algorithm>
#include <limits>
#include <type_traits>

#include "experiments/schedule.h"
#include "observers/observer.h"

namespace fanion::experiments {
namespace {

void check_device(const std::string& name) {
  std::optional<at::Device> device;
  try {
    device.emplace(name);
  } catch (const c10::Error&) {
    TORCH_CHECK_VALUE(false, "unknown --device '", name, "'; examples: cpu, cuda, cuda:1");
  }
  try {
    at::zeros({1}, at::TensorOptions(at::kFloat).device(*device)).item<float>();
  } catch (const c10::Error&) {
    TORCH_CHECK_VALUE(false, "--device ", name, " is not available on this machine or in this libtorch");
  }
}

template <class Field>
Option option(const char* name, Field& field, const char* help) {
  if constexpr (std::is_enum_v<Field>) {
    const auto choose = [name, &field](const std::string& text) -> std::function<void()> {
      Field chosen{};
      optim::option_table::read(chosen, name, text);
      return [&field, chosen] { field = chosen; };
    };
    return {name, Choice{[&field] { return optim::option_table::text_of(field); }, choose},
            std::string(help) + " (" + optim::option_table::allowed(field, optim::Range::any) + ")"};
  } else {
    return {name, &field, help};
  }
}

/// Those of the library's tables that are options of a run.
OptionTable optimizer_options(RunOptions& o) {
  OptionTable options;
  visit_options(o.step, [&](const char* name, auto& field, optim::Range, const char* help) {
    // The rate is the run's own, which a tuned one may replace; the models here hold one matrix a parameter, out x in.
    const std::string_view called = name;
    if (called == "lr" || std::ranges::count(optim::kHolding, called) > 0) return;
    if constexpr (!std::is_same_v<std::remove_reference_t<decltype(field)>, optim::Sizes>)
      options.push_back(option(name, field, help));
    if (called == "adjust_lr_fn") options.back().former = "scale";
  });
  visit_options(o.adamw, [&](const char* name, auto& field, optim::Range, const char* help) {
    for (const std::string_view own : {"beta1", "beta2", "eps"})
      if (name == own) options.push_back(option(name, field, ("AdamW: " + std::string(help)).c_str()));
  });
  return options;
}

}  // namespace

OptionTable option_table(RunOptions& o) {
  OptionTable options = {
      {"optimizer", &o.optimizer, "rule of the matrices (fanion rules lists them), or adamw; RULE@RATE sets lr too"},
      {"lr", &o.lr, "learning rate of the matrices; 0 takes the one tuned for the experiment"}};
  for (auto& each : optimizer_options(o)) options.push_back(std::move(each));
  const OptionTable rest = {
      {"steps", &o.steps, "optimizer steps"},
      {"warmup", &o.warmup, "fraction of the steps over which the rate rises from 0"},
      {"cooldown", &o.cooldown, "fraction of the steps over which it falls to 0 (linear schedule)"},
      {"schedule", &o.schedule,
       "after the warm-up: linear (flat, then down), cosine, constant or inverse_sqrt (1/sqrt(step))"},
      {"clip", &o.clip, "largest global gradient norm; 0: no clipping"},
      {"eval_every", &o.eval_every, "steps between validations"},
      {"checkpoint_every", &o.checkpoint_every, "steps between checkpoints"},
      {"record", &o.record,
       "observers with the steps between their looks at the matrices: spectra@50,norms@10; empty: none"},
      {"init_from", &o.init_from,
       "run of the same model, or its checkpoint, whose weights are the start; empty: those of the seed"},
      {"seed", &o.seed, "seed of the initial parameters and the batches"},
      {"threads", &o.threads, "CPU threads; 0: all cores"},
      {"device", &o.device, "cpu, cuda, ..."}};
  options.insert(options.end(), rest.begin(), rest.end());
  return options;
}

void check_not_negative(const std::string& name, double value) {
  check_in_range<double>(name, value, 0, std::numeric_limits<float>::max());
}

void check(const RunOptions& o) {
  check_not_negative("lr", o.lr);
  check_not_negative("clip", o.clip);
  for (const auto& [name, value] :
       {std::pair("steps", o.steps), {"eval_every", o.eval_every}, {"checkpoint_every", o.checkpoint_every}})
    check_in_range<int64_t>(name, value, 1, 1'000'000'000);
  check_in_range<int64_t>("threads", o.threads, 0, 4096);
  check_in_range<int64_t>("seed", o.seed, 0, std::numeric_limits<int64_t>::max());
  TORCH_CHECK_VALUE(o.warmup >= 0 && o.cooldown >= 0 && o.warmup + o.cooldown <= 1, "--warmup ", o.warmup,
                    " and --cooldown ", o.cooldown, " are fractions of the steps: not negative, at most 1 together");
  schedule_from_name(o.schedule);
  observers::watches_from_text(o.record);
  check_device(o.device);
}

}  // namespace fanion::experiments
