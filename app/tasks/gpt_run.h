#pragma once

#include "data/token_data.h"
#include "models/gpt.h"
#include "record/checkpoint.h"
#include "record/run_folder.h"
#include "tasks/gpt_options.h"

namespace fanion::tasks {

/// Training and validation tokens of the options' files. Throws, naming the file, if one is unusable.
data::TokenSplit load_data(const GptOptions& options);

/// Whether the data are text, that is bytes; else token shards.
bool trains_on_text(const GptOptions& options);

/// A model of the options' sizes with its initial weights.
models::Gpt make_model(const GptOptions& options, int64_t vocabulary);

/// The options a run folder's config holds.
GptOptions options_of(const record::RunFolder& run);

struct TrainedModel {
  models::Gpt model;
  record::Progress progress;
};
/// The model in a run's checkpoint, on the CPU, and how far it was trained. Throws if there is none yet.
TrainedModel trained_model(const record::RunFolder& run);

/// Where a text starts for a shard model: GPT-2's <|endoftext|> (50256), or 0 in smaller vocabularies.
at::Tensor end_of_text(const models::Gpt& model);

}  // namespace fanion::tasks
