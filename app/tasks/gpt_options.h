#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "models/gpt.h"

namespace fanion::tasks {

/// Everything that decides a GPT training run; `config.json` holds exactly these, resolved.
struct GptOptions {
  std::string optimizer = "muon";
  double lr = 0;  ///< 0: the rate tuned for the demo task, where there is one
  double embedding_lr = 0.02;
  double head_lr = 0.004;
  double gain_lr = 0.004;
  double momentum = 0.95;
  bool nesterov = true;
  std::string momentum_kind = "ema";
  double weight_decay = 0;
  std::string scale = "original";
  double beta1 = 0.9;
  double beta2 = 0.95;
  double eps = 1e-10;

  int64_t steps = 200;
  int64_t batch = 16;
  int64_t context = 128;
  int64_t layers = 4;
  int64_t width = 128;
  int64_t head_width = 32;
  int64_t vocabulary = 50304;

  std::string data;
  std::string validation_data;
  double warmup = 0;
  double cooldown = 0.5;
  std::string schedule = "linear";
  double clip = 0;
  int64_t eval_every = 25;
  int64_t eval_batches = 10;
  int64_t checkpoint_every = 50;

  int64_t seed = 0;
  int64_t threads = 0;
  std::string device = "cpu";
  std::string dtype = "float32";
};

/// Calls visit(name, field, help) for every option: the one list behind flags, config files and records.
template <class Options, class Visitor>
void visit_options(Options& o, Visitor&& visit) {
  visit("optimizer", o.optimizer,
        "rule of the hidden matrices (fanion rules lists them), or adamw; RULE@RATE sets lr too");
  visit("lr", o.lr, "learning rate of the hidden matrices; 0 takes the one tuned for the demo");
  visit("embedding_lr", o.embedding_lr, "AdamW learning rate of the embedding");
  visit("head_lr", o.head_lr, "AdamW learning rate of the head");
  visit("gain_lr", o.gain_lr, "AdamW learning rate of the norms' gains");
  visit("momentum", o.momentum, "momentum of the matrix rule, in [0, 1)");
  visit("nesterov", o.nesterov, "Nesterov momentum");
  visit("momentum_kind", o.momentum_kind, "ema or sum");
  visit("weight_decay", o.weight_decay, "decoupled weight decay of the hidden matrices");
  visit("scale", o.scale, "shape scale: original, match_rms_adamw, rms_to_rms, none");
  visit("beta1", o.beta1, "AdamW beta1");
  visit("beta2", o.beta2, "AdamW beta2");
  visit("eps", o.eps, "AdamW eps");
  visit("steps", o.steps, "optimizer steps");
  visit("batch", o.batch, "sequences per step");
  visit("context", o.context, "tokens per sequence");
  visit("layers", o.layers, "transformer blocks (GPT-2 124M: 12)");
  visit("width", o.width, "model width d (GPT-2 124M: 768)");
  visit("head_width", o.head_width, "width of an attention head, divides d (track 3: 128)");
  visit("vocabulary", o.vocabulary, "vocabulary of .bin shards; text is bytes, 256");
  visit("data", o.data, "training data: any text file, or a .bin token shard; empty: tinyshakespeare");
  visit("validation_data", o.validation_data, "validation data; empty: the last tenth of the training data");
  visit("warmup", o.warmup, "fraction of the steps over which the rate rises from 0");
  visit("cooldown", o.cooldown, "fraction of the steps over which it falls to 0 (linear schedule)");
  visit("schedule", o.schedule, "linear (flat, then down), cosine or constant, after the warm-up");
  visit("clip", o.clip, "largest global gradient norm; 0: no clipping");
  visit("eval_every", o.eval_every, "steps between validations");
  visit("eval_batches", o.eval_batches, "batches in a validation");
  visit("checkpoint_every", o.checkpoint_every, "steps between checkpoints");
  visit("seed", o.seed, "seed of the weights and the batches");
  visit("threads", o.threads, "CPU threads; 0: all cores");
  visit("device", o.device, "cpu, cuda, ...");
  visit("dtype", o.dtype, "activations: float32 or bfloat16 (parameters stay float32)");
}

/// The model's sizes with a vocabulary, which for texts is not that of the options.
models::GptSize gpt_size(const GptOptions& options, int64_t vocabulary);

/// Throws naming the first option that is out of range, with what it may be.
void check(const GptOptions& options);

/// Fills in what 0 or "" stands for: tuned rate, data file, threads.
GptOptions resolved(GptOptions options);

nlohmann::json to_json(const GptOptions& options);
/// Overwrites the options that `json` holds. Unknown keys and wrong types throw; `source` is named.
void update_from_json(GptOptions& options, const nlohmann::json& json, const std::string& source);

/// The options that name files of data, for RunFolder::create.
inline const std::vector<std::string> kDataOptions = {"data", "validation_data"};

/// The tinyshakespeare that comes with the program. Throws if it is not there.
std::string shipped_text();

}  // namespace fanion::tasks
