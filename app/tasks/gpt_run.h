#pragma once

#include "models/gpt.h"
#include "record/run_folder.h"
#include "tasks/gpt_options.h"

namespace fanion::tasks {

/// A model of the options' sizes with its initial weights.
models::Gpt make_model(const GptOptions& options, int64_t vocabulary);

/// The options a run folder's config holds.
GptOptions options_of(const record::RunFolder& run);

/// The model in a run's checkpoint, on the CPU. Throws if there is none yet.
models::Gpt trained_model(const record::RunFolder& run);

/// Where a text starts for a shard model: GPT-2's <|endoftext|> (50256), or 0 in smaller vocabularies.
at::Tensor end_of_text(const models::Gpt& model);

}  // namespace fanion::tasks
