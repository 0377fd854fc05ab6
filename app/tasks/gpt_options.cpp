#include "tasks/gpt_options.h"

#include <ATen/ops/zeros.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "fanion/dtype_names.h"
#include "tasks/gpt_groups.h"
#include "tasks/schedule.h"
#include "tasks/tuned_rates.h"

namespace fanion::tasks {
namespace {

void at_least(const char* name, double value, double smallest) {
  TORCH_CHECK_VALUE(std::isfinite(value) && value >= smallest, "--", name, " ", value, " must be at least ", smallest);
}

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

}  // namespace

void check(const GptOptions& o) {
  for (const auto& [name, value] : {std::pair("lr", o.lr),
                                    {"embedding_lr", o.embedding_lr},
                                    {"head_lr", o.head_lr},
                                    {"gain_lr", o.gain_lr},
                                    {"clip", o.clip}})
    at_least(name, value, 0);
  for (const auto& [name, value] : {std::pair("steps", o.steps),
                                    {"batch", o.batch},
                                    {"context", o.context},
                                    {"eval_every", o.eval_every},
                                    {"eval_batches", o.eval_batches},
                                    {"checkpoint_every", o.checkpoint_every}})
    at_least(name, static_cast<double>(value), 1);
  at_least("threads", static_cast<double>(o.threads), 0);
  at_least("seed", static_cast<double>(o.seed), 0);
  TORCH_CHECK_VALUE(o.warmup >= 0 && o.cooldown >= 0 && o.warmup + o.cooldown <= 1, "--warmup ", o.warmup,
                    " and --cooldown ", o.cooldown, " are fractions of the steps: not negative, at most 1 together");
  schedule_from_name(o.schedule);
  const auto dtype = dtype_from_name(o.dtype);
  TORCH_CHECK_VALUE(dtype == at::kFloat || dtype == at::kBFloat16, "--dtype ", o.dtype, " must be float32 or bfloat16");
  check_device(o.device);
  models::check(gpt_size(o, o.vocabulary));
  check_groups(o);
}

models::GptSize gpt_size(const GptOptions& o, int64_t vocabulary) {
  return {
      .vocabulary = vocabulary, .layers = o.layers, .width = o.width, .head_width = o.head_width, .context = o.context};
}

GptOptions resolved(GptOptions o) {
  if (o.lr == 0) {
    hidden_settings(o);  // an unknown rule is told before an untuned one
    o.lr = tuned_rate(o.optimizer);
  }
  if (o.threads == 0) o.threads = std::max<int64_t>(1, std::thread::hardware_concurrency());
  o.data = std::filesystem::absolute(o.data.empty() ? shipped_text() : o.data).string();
  if (!o.validation_data.empty()) o.validation_data = std::filesystem::absolute(o.validation_data).string();
  return o;
}

nlohmann::json to_json(const GptOptions& options) {
  nlohmann::json json;
  visit_options(options, [&](const char* name, const auto& field, const char*) { json[name] = field; });
  return json;
}

void update_from_json(GptOptions& options, const nlohmann::json& json, const std::string& source) {
  TORCH_CHECK_VALUE(json.is_object(), source, ": expected a JSON object of options");
  std::string known;
  GptOptions updated = options;
  nlohmann::json rest = json;
  visit_options(updated, [&](const char* name, auto& field, const char*) {
    known.append(known.empty() ? "" : ", ").append(name);
    if (!json.contains(name)) return;
    bool fits = !std::is_same_v<decltype(field), int64_t&> || json[name].is_number_integer();
    try {
      json[name].get_to(field);
    } catch (const nlohmann::json::exception&) {
      fits = false;
    }
    TORCH_CHECK_VALUE(fits, source, ": option '", name, "' has the wrong type: ", json[name].dump());
    rest.erase(name);
  });
  TORCH_CHECK_VALUE(rest.empty(), source, ": unknown option '", rest.begin().key(), "'; known: ", known);
  options = updated;
}

std::string shipped_text() {
  const auto program = std::filesystem::read_symlink("/proc/self/exe");
  const auto file = program.parent_path().parent_path() / "share" / "data" / "tinyshakespeare.txt";
  TORCH_CHECK(std::filesystem::exists(file), file.string(), " is missing; give a text with --data");
  return file.string();
}

}  // namespace fanion::tasks
