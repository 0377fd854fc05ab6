#include "tasks/gpt_options.h"

#include <ATen/ops/zeros.h>
#include <sys/sysinfo.h>

#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <thread>

#include "data/json_text.h"
#include "tasks/gpt_groups.h"
#include "tasks/schedule.h"
#include "tasks/tuned_rates.h"

namespace fanion::tasks {
namespace {

constexpr auto kLargest = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());

template <class Number>
void in_range(const char* name, Number value, Number smallest, Number largest) {
  TORCH_CHECK_VALUE(value >= smallest && value <= largest, "--", name, " ", value, " must lie in ", smallest, " to ",
                    largest);
}

/// Refuses a model that this machine cannot hold: its weights and gradients, and the logits of a batch, all float32.
void check_memory(const GptOptions& o) {
  const auto vocabulary = static_cast<double>(std::filesystem::path(o.data).extension() == ".bin" ? o.vocabulary : 256);
  const auto width = static_cast<double>(o.width);
  const double weights = 2 * vocabulary * width + 12 * static_cast<double>(o.layers) * width * width;
  const double logits = static_cast<double>(o.batch) * static_cast<double>(o.context) * vocabulary;
  const double needed = 4 * (2 * weights + logits);
  struct sysinfo machine{};
  if (::sysinfo(&machine) != 0) return;
  const double there =
      (static_cast<double>(machine.totalram) + static_cast<double>(machine.totalswap)) * machine.mem_unit;
  constexpr double kGiB = 1 << 30;
  TORCH_CHECK_VALUE(needed <= there, "--layers ", o.layers, " --width ", o.width, " --batch ", o.batch, " --context ",
                    o.context, ": weights, gradients and logits take ", needed / kGiB,
                    " GiB at least; this machine has ", there / kGiB);
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
    in_range<double>(name, value, 0, std::numeric_limits<float>::max());
  for (const auto& [name, value] : {std::pair("steps", o.steps),
                                    {"eval_every", o.eval_every},
                                    {"eval_batches", o.eval_batches},
                                    {"checkpoint_every", o.checkpoint_every}})
    in_range<int64_t>(name, value, 1, 1'000'000'000);
  in_range<int64_t>("batch", o.batch, 1, 1'000'000);
  in_range<int64_t>("context", o.context, 1, 1'000'000);
  in_range<int64_t>("layers", o.layers, 1, 10'000);
  in_range<int64_t>("width", o.width, 1, 1'000'000);
  in_range<int64_t>("head_width", o.head_width, 1, o.width);
  in_range<int64_t>("vocabulary", o.vocabulary, 2, 1 << 16);  // shards hold 16 bits a token
  in_range<int64_t>("threads", o.threads, 0, 4096);
  in_range<int64_t>("seed", o.seed, 0, std::numeric_limits<int64_t>::max());
  TORCH_CHECK_VALUE(o.warmup >= 0 && o.cooldown >= 0 && o.warmup + o.cooldown <= 1, "--warmup ", o.warmup,
                    " and --cooldown ", o.cooldown, " are fractions of the steps: not negative, at most 1 together");
  schedule_from_name(o.schedule);
  TORCH_CHECK_VALUE(o.dtype == "float32" || o.dtype == "bfloat16", "--dtype ", o.dtype, " must be float32 or bfloat16");
  models::check(gpt_size(o, o.vocabulary));
  check_device(o.device);
  if (at::Device(o.device).is_cpu()) check_memory(o);
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
    bool fits = true;
    if constexpr (std::is_same_v<decltype(field), int64_t&>)  // of what is none, a conversion would make some integer
      fits = json[name].is_number_integer() &&
             (!json[name].is_number_unsigned() || json[name].get<uint64_t>() <= kLargest);
    try {
      if (fits) json[name].get_to(field);
    } catch (const nlohmann::json::exception&) {
      fits = false;
    }
    TORCH_CHECK_VALUE(fits, source, ": option '", name, "' has the wrong type: ", data::shown(json[name]));
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
