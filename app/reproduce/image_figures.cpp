#include "reproduce/image_figures.h"

#include <cmath>

#include "experiments/cells.h"
#include "experiments/images/image_experiment.h"
#include "experiments/registry.h"
#include "experiments/tuned_rates.h"
#include "reproduce/curves_of.h"
#include "reproduce/data_text.h"
#include "reproduce/figure.h"
#include "reproduce/record.h"
#include "terminal/table.h"

namespace fanion::reproduce {
namespace {

using experiments::Cell;
using experiments::CellResult;
using experiments::images::ImageExperiment;

/// Images of a step: 50 of those that come with the program, else 500, or fewer so that an epoch has 20 steps.
int64_t batch_of(const Request& request) {
  if (request.data.empty()) return 50;
  return std::clamp<int64_t>(data::cifar10_training_images(request.data) / 20, 1, 500);
}

/// A network's training with one optimizer and seed, for `epochs` over the request's images.
Cell image_cell(const Request& request, const std::string& network, const experiments::TunedRate& rate, int64_t seed,
                double epochs, int64_t batch) {
  std::shared_ptr<experiments::Experiment> experiment = experiments::experiment_by_name(network);
  auto& images = dynamic_cast<ImageExperiment&>(*experiment).images;
  images.data = request.data;
  images.batch = batch;
  images.epochs = epochs;
  experiment->run.optimizer = rate.optimizer;
  experiment->run.lr = rate.lr;
  experiment->run.seed = seed;
  experiment->run.threads = 1;
  experiment->run.device = request.device;
  experiment->resolve();
  experiment->run.eval_every = std::max<int64_t>(1, experiment->run.steps / 20);
  experiment->run.checkpoint_every = std::max<int64_t>(1, experiment->run.steps / 4);
  experiment->check();
  const auto label = c10::str(rate.label, ", batch ", batch, ", seed ", seed);
  return {label, experiments::folder_name(label), std::move(experiment)};
}

Curve mean_curve(const std::vector<CellResult>& runs, const std::string& label, const std::string& key,
                 double per_step) {
  std::vector<Curve> curves;
  for (const auto& run : runs)
    curves.push_back(per_step > 0 ? by_step(run.folder, label, key, per_step) : by_time(run.folder, label, key));
  return mean_of(curves);
}

/// "0.523 ± 0.004"
std::string with_spread(const Curve& curve, int digits) {
  return terminal::fixed(curve.y.back(), digits) + " ± " + terminal::fixed(curve.spread.back(), digits);
}

void network(const Request& request, const std::string& name) {
  const auto& rates = experiments::tuned_rates(name);
  const int64_t seeds = request.seeds > 0 ? request.seeds : request.quick ? 1 : 3, batch = batch_of(request);
  const double own_epochs = request.data.empty() ? (request.quick ? 15 : 40) : (request.quick ? 1 : 10);
  const double epochs = request.epochs > 0 ? request.epochs : own_epochs;
  std::vector<Cell> cells;
  for (const auto& rate : rates)
    for (int64_t seed = 0; seed < seeds; ++seed) cells.push_back(image_cell(request, name, rate, seed, epochs, batch));
  const auto results = experiments::run_cells(request.out / "runs", cells, {.jobs = request.jobs});
  const double per_step = cells.front().experiment->figure().x_per_step;

  Record record{name,
                c10::str(name, " on ", data_text(request), ", ", epochs, " epochs of batches of ", batch,
                         ", linear fall of the rate over the last half; one thread a training."),
                c10::str("mean ± standard deviation over ", seeds, " seeds"),
                {},
                {},
                {}};
  record.table = {{"optimizer", "lr", "test loss", "accuracy", "ms/step", "ms optimizer", "time / AdamW"}};
  std::vector<Panel> panels = {{"epochs", "test loss (nats)", false, false, {}},
                               {"training time (seconds)", "test loss (nats)", false, false, {}},
                               {"epochs", "test accuracy", false, false, {}},
                               {"training time (seconds)", "test accuracy", false, false, {}}};
  double adamw_seconds = 0, neon_ratio = 0;
  for (std::size_t i = 0; i < rates.size(); ++i) {
    const std::vector<CellResult> runs(results.begin() + static_cast<std::ptrdiff_t>(i * seeds),
                                       results.begin() + static_cast<std::ptrdiff_t>((i + 1) * seeds));
    double seconds = 0, optimizer_seconds = 0, steps = 0;
    for (const auto& run : runs) {
      seconds += run.seconds;
      optimizer_seconds += run.optimizer_seconds;
      steps += static_cast<double>(run.step);
    }
    if (rates[i].optimizer == "adamw") adamw_seconds = seconds;
    const double ratio = adamw_seconds > 0 ? seconds / adamw_seconds : std::nan("");
    if (rates[i].optimizer == "neon") neon_ratio = ratio;
    const auto& label = rates[i].label;
    panels[0].curves.push_back(mean_curve(runs, label, "validation_loss", per_step));
    panels[1].curves.push_back(mean_curve(runs, label, "validation_loss", 0));
    panels[2].curves.push_back(mean_curve(runs, label, "accuracy", per_step));
    panels[3].curves.push_back(mean_curve(runs, label, "accuracy", 0));
    record.table.push_back({label, c10::str(rates[i].lr), with_spread(panels[0].curves.back(), 4),
                            with_spread(panels[2].curves.back(), 4), terminal::fixed(1000 * seconds / steps, 2),
                            terminal::fixed(1000 * optimizer_seconds / steps, 2), terminal::fixed(ratio, 2)});
  }
  record.findings = {{"training with Neon takes less than 3 times as long as with AdamW (goal 1.3)", neon_ratio < 3,
                      terminal::fixed(neon_ratio, 2) + " times"}};
  draw({name + " on " + data_text(request), panels}, request.out / (name + ".png"));
  record.pictures = {name + ".png"};
  write_record(request, record);
}

}  // namespace

void mlp(const Request& request) { network(request, "mlp"); }

void cnn(const Request& request) { network(request, "cnn"); }

void batch_size(const Request& request) {
  std::vector<int64_t> batches = {64, 128, 256, 512, 1024, 2048, 4096, 8192};
  if (request.data.empty()) batches = {30, 100, 300};
  if (request.quick && !request.data.empty()) batches = {64, 512, 4096};
  const double own_epochs = request.data.empty() ? 10 : (request.quick ? 1 : 5);
  const double epochs = request.epochs > 0 ? request.epochs : own_epochs;
  std::vector<experiments::TunedRate> rates;
  for (const auto& rate : experiments::tuned_rates("mlp"))
    for (const std::string_view shown : {"sgd", "muon", "neon", "f-star-neon"})
      if (rate.optimizer == shown) rates.push_back(rate);
  std::vector<Cell> cells;
  for (const auto& tuned : rates)
    for (const auto batch : batches) {
      auto rate = tuned;
      rate.lr *= std::sqrt(static_cast<double>(batch) / static_cast<double>(batch_of(request)));
      cells.push_back(image_cell(request, "mlp", rate, 0, epochs, batch));
    }
  const auto results = experiments::run_cells(request.out / "runs", cells, {.jobs = request.jobs});
  Record record{"batch-size",
                c10::str("MLP on ", data_text(request), ", ", epochs,
                         " epochs for every batch, the rates of fanion compare mlp scaled with √batch."),
                "1 seed; test loss after the last epoch",
                {},
                {},
                {}};
  record.table = {{"optimizer"}};
  for (const auto batch : batches) record.table.front().push_back(c10::str("batch ", batch));
  Panel loss{"batch", "test loss (nats)", true, false, {}}, accuracy{"batch", "test accuracy", true, false, {}};
  for (std::size_t i = 0; i < rates.size(); ++i) {
    Curve losses{rates[i].label, {}, {}}, accuracies{rates[i].label, {}, {}};
    std::vector<std::string> row = {rates[i].label};
    for (std::size_t b = 0; b < batches.size(); ++b) {
      const auto& result = results[i * batches.size() + b];
      losses.x.push_back(static_cast<double>(batches[b]));
      losses.y.push_back(result.quantities[0]);
      accuracies.x.push_back(static_cast<double>(batches[b]));
      accuracies.y.push_back(result.quantities[1]);
      row.push_back(terminal::fixed(result.quantities[0], 4));
    }
    loss.curves.push_back(std::move(losses));
    accuracy.curves.push_back(std::move(accuracies));
    record.table.push_back(std::move(row));
  }
  draw({"MLP over batches, equal epochs", {loss, accuracy}}, request.out / "batch-size.png");
  record.pictures = {"batch-size.png"};
  write_record(request, record);
}

}  // namespace fanion::reproduce
