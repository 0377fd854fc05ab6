#include "experiments/gpt/gpt_experiment.h"

#include <ATen/CPUGeneratorImpl.h>
#include <sys/sysinfo.h>

#include "data/shipped_file.h"
#include "experiments/gpt/sampling.h"
#include "fanion/dtype_names.h"

namespace fanion::experiments::gpt {
namespace {

data::TokenSplit load_data(const GptOptions& o) {
  auto files = data::token_files(o.data);
  if (!o.validation_data.empty()) files.validation = {o.validation_data};
  const auto training = data::read_tokens(files.training, o.vocabulary);
  if (files.validation.empty()) return {training, nullptr, o.context};
  const auto validation = data::read_tokens(files.validation, o.vocabulary);
  return {training, &validation, o.context};
}

/// With a vocabulary, which for texts is not that of the options.
GptSize size_of(const GptOptions& o, int64_t vocabulary) {
  return {
      .vocabulary = vocabulary, .layers = o.layers, .width = o.width, .head_width = o.head_width, .context = o.context};
}

Gpt make_model(const GptOptions& o, int64_t vocabulary, int64_t seed, at::Device device) {
  auto generator = at::detail::createCPUGenerator(static_cast<uint64_t>(seed));
  return {size_of(o, vocabulary), generator, device, dtype_from_name(o.dtype)};
}

/// Refuses a model that this machine cannot hold: its weights and gradients, and the logits of a batch, all float32.
void check_memory(const GptOptions& o) {
  const auto vocabulary = static_cast<double>(data::token_files(o.data).text ? 256 : o.vocabulary);
  const auto width = static_cast<double>(o.width);
  const double weights = 2 * vocabulary * width + 12 * static_cast<double>(o.layers) * width * width;
  const int64_t windows = o.batch / o.pieces;
  const double logits = static_cast<double>(windows) * static_cast<double>(o.context) * vocabulary;
  const double needed = 4 * (2 * weights + logits);
  struct sysinfo machine{};
  if (::sysinfo(&machine) != 0) return;
  const double there =
      (static_cast<double>(machine.totalram) + static_cast<double>(machine.totalswap)) * machine.mem_unit;
  constexpr double kGiB = 0x1p30;
  TORCH_CHECK_VALUE(needed <= there, "--layers ", o.layers, " --width ", o.width, " --batch ", o.batch, " --pieces ",
                    o.pieces, " --context ", o.context, ": weights, gradients and logits take ", needed / kGiB,
                    " GiB at least; this machine has ", there / kGiB);
}

}  // namespace

GptTask::GptTask(const GptOptions& options, int64_t seed, at::Device device)
    : o_(options),
      device_(device),
      data_(load_data(options)),
      model_(make_model(options, data_.vocabulary(), seed, device)) {}

data::Batch GptTask::batch_of(const Draw& draw) const {
  const auto whole = data_.training_batch(o_.batch, static_cast<uint64_t>(draw.seed), draw.step, device_);
  return {part_of(whole.inputs, draw), part_of(whole.targets, draw)};
}

at::Tensor GptTask::loss(const Draw& draw) {
  const auto batch = batch_of(draw);
  return model_.loss(batch.inputs, batch.targets);
}

double GptTask::gradients(const Draw& draw) {
  if (o_.pieces == 1) return Task::gradients(draw);
  for (const auto& p : parameters()) p.tensor.mutable_grad() = at::Tensor();
  const auto batch = batch_of(draw);
  const auto rows = batch.inputs.size(0) / o_.pieces;
  double sum = 0;
  for (int64_t i = 0; i < o_.pieces; ++i) {
    const auto part =
        model_.loss(batch.inputs.narrow(0, i * rows, rows), batch.targets.narrow(0, i * rows, rows)) / o_.pieces;
    part.backward();
    sum += part.item<double>();
  }
  return sum;
}

std::vector<double> GptTask::validate() {
  double sum = 0;
  for (int64_t i = 0; i < o_.eval_batches; ++i) {
    const auto batch = data_.validation_batch(i, o_.eval_batches, o_.batch, device_);
    sum += model_.loss(batch.inputs, batch.targets).item<double>();
  }
  return {sum / static_cast<double>(o_.eval_batches)};
}

GptExperiment::GptExperiment() : Experiment("gpt", "a GPT on text or token shards") {
  role_lr = {{Role::embedding, 0.02}, {Role::head, 0.004}, {Role::gain, 0.004}};
}

OptionTable GptExperiment::own_options() {
  return {{"batch", &gpt.batch, "sequences per step"},
          {"pieces", &gpt.pieces, "parts of a batch that go through the model one after the other, to save memory"},
          {"context", &gpt.context, "tokens per sequence"},
          {"layers", &gpt.layers, "transformer blocks (GPT-2 124M: 12)"},
          {"width", &gpt.width, "model width d (GPT-2 124M: 768)"},
          {"head_width", &gpt.head_width, "width of an attention head, divides d (track 3: 128)"},
          {"vocabulary", &gpt.vocabulary, "vocabulary of .bin shards; text is bytes, 256"},
          {"data", &gpt.data,
           "training data: any text file, a .bin token shard, or a folder of either (fanion data prepare text); empty: "
           "tinyshakespeare"},
          {"validation_data", &gpt.validation_data,
           "validation file; empty: that of the folder, or the last tenth of the training data"},
          {"eval_batches", &gpt.eval_batches, "batches in a validation"},
          {"dtype", &gpt.dtype, "activations: float32 or bfloat16 (parameters stay float32)"}};
}

void GptExperiment::resolve_own() {
  auto path = std::filesystem::absolute(gpt.data.empty() ? data::shipped_file("tinyshakespeare.txt") : gpt.data);
  if (path.filename().empty()) path = path.parent_path();  // "text/" is "text"
  gpt.data = path.string();
  if (!gpt.validation_data.empty()) gpt.validation_data = std::filesystem::absolute(gpt.validation_data).string();
}

void GptExperiment::check_own() const {
  check_in_range<int64_t>("batch", gpt.batch, 1, 1'000'000);
  check_in_range<int64_t>("pieces", gpt.pieces, 1, gpt.batch);
  TORCH_CHECK_VALUE(gpt.batch % gpt.pieces == 0, "--pieces ", gpt.pieces, " must divide --batch ", gpt.batch);
  check_in_range<int64_t>("context", gpt.context, 1, 1'000'000);
  check_in_range<int64_t>("layers", gpt.layers, 1, 10'000);
  check_in_range<int64_t>("width", gpt.width, 1, 1'000'000);
  check_in_range<int64_t>("head_width", gpt.head_width, 1, gpt.width);
  check_in_range<int64_t>("vocabulary", gpt.vocabulary, 2, 65'536);  // shards hold 16 bits a token
  check_in_range<int64_t>("eval_batches", gpt.eval_batches, 1, 1'000'000'000);
  TORCH_CHECK_VALUE(gpt.dtype == "float32" || gpt.dtype == "bfloat16", "--dtype ", gpt.dtype,
                    " must be float32 or bfloat16");
  gpt::check(size_of(gpt, gpt.vocabulary));
  if (at::Device(run.device).is_cpu()) check_memory(gpt);
}

std::vector<std::pair<int64_t, int64_t>> GptExperiment::matrix_shapes() const {
  return gpt::matrix_shapes(size_of(gpt, gpt.vocabulary));
}

void GptExperiment::check_parts(int64_t parts) const {
  TORCH_CHECK_VALUE(gpt.batch % (gpt.pieces * parts) == 0, "--batch ", gpt.batch, " must be a multiple of --pieces ",
                    gpt.pieces, " on each of the ", parts, " processes that train together");
}

void GptExperiment::check_data() const { load_data(gpt); }

Gpt GptExperiment::model(int64_t vocabulary) const {
  return make_model(gpt, vocabulary, run.seed, at::Device(run.device));
}

std::unique_ptr<Task> GptExperiment::task() const {
  return std::make_unique<GptTask>(gpt, run.seed, at::Device(run.device));
}

std::pair<std::string, double> GptExperiment::work_per_step() const {
  return {"tok", static_cast<double>(gpt.batch * gpt.context)};
}

Figure GptExperiment::figure() const {
  return {.title = c10::str("GPT on ", std::filesystem::path(gpt.data).filename().string(), ": ", gpt.layers,
                            " layers, d = ", gpt.width, ", ", gpt.batch, "×", gpt.context, " tokens a step, seed ",
                            run.seed),
          .quantities = {{"validation_loss", "validation loss (nats per token)", "val loss", false}}};
}

std::string GptExperiment::show(Task& task) const {
  const auto& model = dynamic_cast<const GptTask&>(task).model();
  return sample(model, trains_on_text(), "", {});
}

bool GptExperiment::trains_on_text() const { return data::token_files(gpt.data).text; }

}  // namespace fanion::experiments::gpt
