#include "tasks/gpt_run.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/full.h>

#include <nlohmann/json.hpp>

#include "fanion/dtype_names.h"

namespace fanion::tasks {

data::TokenSplit load_data(const GptOptions& o) {
  auto training = data::read_tokens(o.data, o.vocabulary);
  if (o.validation_data.empty()) return {std::move(training), nullptr, o.context};
  const auto validation = data::read_tokens(o.validation_data, o.vocabulary);
  return {std::move(training), &validation, o.context};
}

bool trains_on_text(const GptOptions& o) { return std::filesystem::path(o.data).extension() != ".bin"; }

models::Gpt make_model(const GptOptions& o, int64_t vocabulary) {
  auto generator = at::detail::createCPUGenerator(static_cast<uint64_t>(o.seed));
  return {gpt_size(o, vocabulary), generator, at::Device(o.device), dtype_from_name(o.dtype)};
}

GptOptions options_of(const record::RunFolder& run) {
  GptOptions options;
  update_from_json(options, run.options(), (run.path() / "config.json").string());
  return options;
}

TrainedModel trained_model(const record::RunFolder& run) {
  TORCH_CHECK_VALUE(std::filesystem::exists(run.checkpoint()), run.path().string(), " has no checkpoint yet");
  auto options = options_of(run);
  options.device = "cpu";
  auto model = make_model(options, trains_on_text(options) ? 256 : options.vocabulary);
  const auto progress = record::load_model(run.checkpoint(), model);
  return {std::move(model), progress};
}

at::Tensor end_of_text(const models::Gpt& model) {
  constexpr int64_t kGpt2EndOfText = 50256;
  return at::full({1}, model.size().vocabulary > kGpt2EndOfText ? kGpt2EndOfText : 0, at::kLong);
}

}  // namespace fanion::tasks
