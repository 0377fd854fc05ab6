#include "tasks/gpt_run.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/full.h>

#include <nlohmann/json.hpp>

#include "fanion/dtype_names.h"
#include "record/checkpoint.h"

namespace fanion::tasks {

models::Gpt make_model(const GptOptions& o, int64_t vocabulary) {
  auto generator = at::detail::createCPUGenerator(static_cast<uint64_t>(o.seed));
  return {{.vocabulary = vocabulary,
           .layers = o.layers,
           .width = o.width,
           .head_width = o.head_width,
           .context = o.context},
          generator,
          at::Device(o.device),
          dtype_from_name(o.dtype)};
}

GptOptions options_of(const record::RunFolder& run) {
  GptOptions options;
  update_from_json(options, run.options(), (run.path() / "config.json").string());
  return options;
}

models::Gpt trained_model(const record::RunFolder& run) {
  TORCH_CHECK_VALUE(std::filesystem::exists(run.checkpoint()), run.path().string(), " has no checkpoint yet");
  auto options = options_of(run);
  options.device = "cpu";
  auto model =
      make_model(options, std::filesystem::path(options.data).extension() == ".bin" ? options.vocabulary : 256);
  record::load_model(run.checkpoint(), model);
  return model;
}

at::Tensor end_of_text(const models::Gpt& model) {
  constexpr int64_t kGpt2EndOfText = 50256;
  return at::full({1}, model.size().vocabulary > kGpt2EndOfText ? kGpt2EndOfText : 0, at::kLong);
}

}  // namespace fanion::tasks
