#include "experiments/gpt/sampling.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/multinomial.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/topk.h>

#include <cmath>
#include <limits>

#include "experiments/gpt/gpt_experiment.h"
#include "experiments/registry.h"
#include "experiments/trained_task.h"

namespace fanion::experiments::gpt {
namespace {

/// Where a text starts for a shard model: GPT-2's <|endoftext|>, or 0 in smaller vocabularies.
at::Tensor end_of_text(const Gpt& model) {
  constexpr int64_t kGpt2EndOfText = 50256;
  return at::full({1}, model.size().vocabulary > kGpt2EndOfText ? kGpt2EndOfText : 0, at::kLong);
}

}  // namespace

at::Tensor sample_tokens(const Gpt& model, const at::Tensor& prompt, const SampleOptions& o) {
  constexpr int64_t kLongest = 10'000'000;
  TORCH_CHECK_VALUE(o.length >= 1 && o.length <= kLongest, "--length ", o.length, " must lie in 1 to ", kLongest);
  TORCH_CHECK_VALUE(o.temperature >= 0 && std::isfinite(o.temperature), "--temperature ", o.temperature,
                    " must be finite and not negative");
  TORCH_CHECK_VALUE(o.top_k >= 0 && o.top_k <= model.size().vocabulary, "--top_k ", o.top_k, " must lie in 0 to ",
                    model.size().vocabulary);
  const at::NoGradGuard no_grad;
  auto generator = at::detail::createCPUGenerator(static_cast<uint64_t>(o.seed));
  const auto device = model.parameters().front().tensor.device();
  auto tokens = prompt;
  for (int64_t i = 0; i < o.length; ++i) {
    const auto seen = std::min(tokens.numel(), model.size().context);
    const auto window = tokens.narrow(0, tokens.numel() - seen, seen).unsqueeze(0).to(device);
    auto scores = model.logits(window).select(1, seen - 1).squeeze(0).to(at::kCPU);
    if (o.top_k > 0) {
      const auto cut = std::get<0>(scores.topk(o.top_k))[o.top_k - 1];
      scores = scores.masked_fill(scores < cut, -std::numeric_limits<double>::infinity());
    }
    const auto next = o.temperature == 0 ? scores.argmax().unsqueeze(0)
                                         : at::multinomial(at::softmax(scores / o.temperature, 0), 1, false, generator);
    tokens = at::cat({tokens, next});
  }
  return tokens.narrow(0, prompt.numel(), o.length);
}

std::string sample_text(const Gpt& model, const std::string& prompt, const SampleOptions& options) {
  const std::string start = prompt.empty() ? "\n" : prompt;
  auto tokens = at::empty({static_cast<int64_t>(start.size())}, at::kLong);
  for (std::size_t i = 0; i < start.size(); ++i) tokens.data_ptr<int64_t>()[i] = static_cast<unsigned char>(start[i]);
  const auto drawn = sample_tokens(model, tokens, options);
  std::string text;
  for (int64_t i = 0; i < drawn.numel(); ++i) text += static_cast<char>(drawn.const_data_ptr<int64_t>()[i]);
  return text;
}

std::string sample(const Gpt& model, bool text_model, const std::string& prompt, const SampleOptions& options) {
  if (text_model) return prompt + sample_text(model, prompt, options);
  TORCH_CHECK_VALUE(prompt.empty(), "--prompt needs a model of bytes; this one was trained on token shards");
  const auto tokens = sample_tokens(model, end_of_text(model), options);
  std::string text;
  for (int64_t i = 0; i < tokens.numel(); ++i)
    text += (i == 0 ? "" : " ") + std::to_string(tokens.const_data_ptr<int64_t>()[i]);
  return text;
}

std::string sample_run(const record::RunFolder& run, const std::string& prompt, const SampleOptions& options) {
  TORCH_CHECK_VALUE(run.experiment() == "gpt", run.path().string(), " is a run of ", run.experiment(),
                    "; only models of gpt write");
  TORCH_CHECK_VALUE(std::filesystem::exists(run.checkpoint()), run.path().string(), " has no checkpoint yet");
  const auto held = experiment_of(run);
  held->run.device = "cpu";
  auto& experiment = dynamic_cast<GptExperiment&>(*held);
  const auto model = experiment.model(experiment.trains_on_text() ? 256 : experiment.gpt.vocabulary);
  record::load_tensors(run.checkpoint(), checkpoint_names(model.parameters()));
  return sample(model, experiment.trains_on_text(), prompt, options);
}

}  // namespace fanion::experiments::gpt
