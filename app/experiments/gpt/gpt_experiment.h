#pragma once

#include "data/token_data.h"
#include "experiments/experiment.h"
#include "experiments/gpt/gpt.h"

namespace fanion::experiments::gpt {

/// What decides a GPT training beside `RunOptions`.
struct GptOptions {
  int64_t batch = 16;
  int64_t pieces = 1;
  int64_t context = 128;
  int64_t layers = 4;
  int64_t width = 128;
  int64_t head_width = 32;
  int64_t vocabulary = 50304;
  std::string data;
  std::string validation_data;
  int64_t eval_batches = 10;
  std::string dtype = "float32";
};

class GptTask : public Task {
 public:
  /// `seed` is that of the initial weights.
  GptTask(const GptOptions& options, int64_t seed, at::Device device);

  const std::vector<Parameter>& parameters() const override { return model_.parameters(); }
  at::Tensor loss(const Draw& draw) override;
  /// Of the batch in `pieces`, one after the other: the memory of one, and the sums in another order.
  double gradients(const Draw& draw) override;
  /// Mean loss over the batches of a validation.
  std::vector<double> validate() override;
  const Gpt& model() const { return model_; }

 private:
  data::Batch batch_of(const Draw& draw) const;

  GptOptions o_;
  at::Device device_;
  data::TokenSplit data_;
  Gpt model_;
};

/// A GPT on bytes of a text or on token shards: the demo (modded-nanogpt's track 3, small).
class GptExperiment : public Experiment {
 public:
  GptExperiment();

  GptOptions gpt;

  std::vector<std::string> data_options() const override { return {"data", "validation_data"}; }
  std::unique_ptr<Task> task() const override;
  std::pair<std::string, double> work_per_step() const override;
  Figure figure() const override;
  void check_parts(int64_t parts) const override;
  /// A text of the model, or token ids.
  std::string show(Task& task) const override;

  /// The model with its initial weights. Needs the data for their vocabulary alone, which a text does not decide.
  Gpt model(int64_t vocabulary) const;
  /// Whether the data are text, that is bytes; else token shards.
  bool trains_on_text() const;

 protected:
  void check_data() const override;
  OptionTable own_options() override;
  void resolve_own() override;
  void check_own() const override;
  std::vector<std::pair<int64_t, int64_t>> matrix_shapes() const override;
};

}  // namespace fanion::experiments::gpt
