#pragma once

#include <string>

#include "experiments/gpt/gpt.h"
#include "record/run_folder.h"

namespace fanion::experiments::gpt {

struct SampleOptions {
  int64_t length = 300;      ///< tokens to write after the prompt
  double temperature = 0.8;  ///< 0: always the likeliest token
  int64_t top_k = 0;         ///< only among the k likeliest; 0: all
  int64_t seed = 0;
};

/// Tokens after `prompt` (1-D int64, at least one), drawn one by one. Each sees the last `context` tokens.
at::Tensor sample_tokens(const Gpt& model, const at::Tensor& prompt, const SampleOptions& options);

/// The same for a model of bytes: the text after `prompt`, which may be empty.
std::string sample_text(const Gpt& model, const std::string& prompt, const SampleOptions& options);

/// What a model writes: the prompt and the text after it, or token ids if it is no model of bytes, which takes no
/// prompt.
std::string sample(const Gpt& model, bool text_model, const std::string& prompt, const SampleOptions& options);

/// The same of a run's checkpoint. Throws if it is no run of the GPT.
std::string sample_run(const record::RunFolder& run, const std::string& prompt, const SampleOptions& options);

}  // namespace fanion::experiments::gpt
