#include "reproduce/airbench_figure.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "experiments/airbench/airbench_experiment.h"
#include "experiments/cells.h"
#include "reproduce/curves_of.h"
#include "reproduce/data_text.h"
#include "reproduce/figure.h"
#include "reproduce/paired_difference.h"
#include "reproduce/record.h"
#include "terminal/table.h"

namespace fanion::reproduce {
namespace {

using experiments::CellResult;

/// A rule with its rate and momentum.
struct TrainedRule {
  std::string label, rule;
  double lr, momentum;
};

/// What each training of the figure is.
struct FigureSize {
  double epochs;
  int64_t seeds, batch, channels;
  std::vector<double> alphas;
};

FigureSize size_of(const Request& request) {
  const bool sample = request.data.empty();
  constexpr int64_t kStepsPerEpoch = 25, kBatch = 2000, kSampleBatch = 50, kChannels = 64, kFewChannels = 24;
  FigureSize size{.epochs = sample || !request.quick ? 8.0 : 1.0,
                  .seeds = request.quick ? 3 : 5,
                  .batch = kSampleBatch,
                  .channels = request.quick && sample ? kFewChannels : kChannels,
                  .alphas = {-0.1, 0, 0.1, 0.3, 0.5, 0.7, 0.9, 1, 1.1}};
  if (!sample)
    size.batch = std::clamp<int64_t>(data::cifar10_training_images(request.data) / kStepsPerEpoch, 1, kBatch);
  if (request.quick) size.alphas = {0, 0.1, 0.5, 1, 1.1};
  if (request.epochs > 0) size.epochs = request.epochs;
  if (request.seeds > 0) size.seeds = request.seeds;
  return size;
}

TrainedRule f_muon(double alpha, const std::string& parameters, double lr, double momentum) {
  return {c10::str("F-Muon alpha ", alpha, ", ", parameters), c10::str("f-muon:alpha=", alpha, ",ns_steps=3"), lr,
          momentum};
}

constexpr const char *kMuons = "Muon's parameters", *kFMuons = "F-Muon's parameters";

/// The settings of the paper, those of both sweeps over α first.
std::vector<TrainedRule> settings_of(const FigureSize& size) {
  std::vector<TrainedRule> settings;
  for (const double alpha : size.alphas) settings.push_back(f_muon(alpha, kMuons, 0.24, 0.6));
  for (const double alpha : size.alphas) settings.push_back(f_muon(alpha, kFMuons, 0.4, 0.65));
  const std::vector<TrainedRule> others = {{"S-Muon", "s-muon:eta=0.003,ns_steps=3", 0.42, 0.63},
                                           {"NSGD", "nsgd", 0.5, 0.95},
                                           {"SignSGD", "signum", 0.003, 0.95},
                                           {"Neon", "neon", 0.24, 0.6},
                                           {"F-Neon", "f-neon", 0.4, 0.6},
                                           {"Fanion-5", "fanion:k=5", 0.24, 0.6},
                                           {"F-Fanion-5", "f-fanion:k=5", 0.4, 0.6}};
  settings.insert(settings.end(), others.begin(), others.end());
  return settings;
}

experiments::Cell cell_of(const Request& request, const FigureSize& size, const TrainedRule& setting, int64_t seed) {
  auto experiment = std::make_shared<experiments::airbench::AirbenchExperiment>();
  experiment->images.data = request.data;
  experiment->images.batch = size.batch;
  experiment->images.epochs = size.epochs;
  experiment->airbench.channels = size.channels;
  auto& run = experiment->run;
  run.optimizer = setting.rule, run.lr = setting.lr, run.step.momentum = setting.momentum;
  run.seed = seed, run.threads = 1, run.device = request.device;
  experiment->resolve();
  run.eval_every = std::max<int64_t>(1, run.steps / (request.quick ? 2 : 4));
  run.checkpoint_every = std::max<int64_t>(1, run.steps / 8);
  experiment->check();
  const auto label = c10::str(setting.label, ", seed ", seed);
  return {label, experiments::folder_name(label), std::move(experiment)};
}

/// Whether the interval of 95 % holds 0.
bool is_tie(const Interval& difference) { return std::abs(difference.mean) <= difference.half; }

/// The mean with its interval.
Interval mean_of(const std::vector<double>& values) {
  return paired_difference(values, std::vector<double>(values.size(), 0));
}

std::string told(const Interval& difference) {
  constexpr int kDigits = 4;
  return interval_text(difference, kDigits) + (std::isnan(difference.half) ? "" : is_tie(difference) ? ", tie" : "");
}

/// The runs of every setting, by seed.
using RunsBySetting = std::map<std::string, std::vector<CellResult>>;

std::vector<double> quantity(const std::vector<CellResult>& runs, std::size_t which) {
  std::vector<double> values;
  for (const auto& run : runs) values.push_back(run.quantities[which]);
  return values;
}

constexpr std::size_t kTestLoss = 0, kPlainAccuracy = 1, kAugmentedAccuracy = 2;

/// A quantity over α, with its 95 % interval where there is one.
Curve over_alpha(const RunsBySetting& runs, const FigureSize& size, const std::string& parameters, std::size_t which) {
  Curve curve{parameters, {}, {}};
  for (const double alpha : size.alphas) {
    const auto values = quantity(runs.at(f_muon(alpha, parameters, 0, 0).label), which);
    const auto mean = mean_of(values);
    curve.x.push_back(alpha);
    curve.y.push_back(mean.mean);
    curve.spread.push_back(std::isnan(mean.half) ? 0 : mean.half);
  }
  return curve;
}

/// What the paper says, and whether these runs say it too; nothing of one seed, which decides nothing.
std::vector<Finding> findings_of(const RunsBySetting& runs) {
  if (runs.begin()->second.size() < 2) return {};
  const auto compare = [&](const std::string& a, const std::string& b) {
    return paired_difference(quantity(runs.at(a), kAugmentedAccuracy), quantity(runs.at(b), kAugmentedAccuracy));
  };
  const auto muon = f_muon(1, kMuons, 0, 0).label, f_muon_tuned = f_muon(0.5, kFMuons, 0, 0).label;
  const auto as_good = compare(f_muon_tuned, muon);
  const auto little = compare(f_muon(0.1, kFMuons, 0, 0).label, f_muon(0, kFMuons, 0, 0).label);
  const auto beyond = compare(f_muon(1.1, kMuons, 0, 0).label, muon);
  const auto neon = compare("F-Neon", "Neon"), fanion = compare("F-Fanion-5", "Fanion-5");
  constexpr double kPoint = 0.01;
  return {{"tuned F-Muon is within a point of Muon or better", is_above(-kPoint, as_good), told(as_good)},
          {"with F-Muon's parameters, alpha = 0.1 is far better than none of Muon (alpha = 0)", is_above(0, little),
           told(little)},
          {"alpha = 1.1, no norm's LMO, is within a point of Muon or better", is_above(-kPoint, beyond), told(beyond)},
          {"F-Neon is better than Neon", is_above(0, neon), told(neon)},
          {"F-Fanion-5 is better than Fanion-5", is_above(0, fanion), told(fanion)}};
}

}  // namespace

void figure_2(const Request& request) {
  const auto size = size_of(request);
  const auto settings = settings_of(size);
  std::vector<experiments::Cell> cells;
  for (int64_t seed = 0; seed < size.seeds; ++seed)
    for (const auto& setting : settings) cells.push_back(cell_of(request, size, setting, seed));
  const auto results = experiments::run_cells(request.out / "runs", cells, {.jobs = request.jobs});
  RunsBySetting runs;
  for (std::size_t c = 0; c < cells.size(); ++c) runs[settings[c % settings.size()].label].push_back(results[c]);

  Record record{"fig-2",
                c10::str("airbench on ", data_text(request), ": ", size.epochs, " epochs of batches of ", size.batch,
                         ", ", size.channels,
                         " channels in the first group, bfloat16, one thread a training; accuracy with "
                         "test-time augmentation."),
                c10::str(size.seeds, size.seeds == 1 ? " seed" : " seeds",
                         "; means, and differences in augmented accuracy "
                         "from Muon under the same seeds with their 95 % intervals, a tie where that holds 0"),
                {},
                findings_of(runs),
                {"fig-2.png"}};
  record.table = {{"rule", "lr", "momentum", "accuracy", "augmented", "test loss", "from Muon"}};
  const auto& muon = runs.at(f_muon(1, kMuons, 0, 0).label);
  for (const auto& s : settings) {
    const auto& own = runs.at(s.label);
    const auto mean = [&](std::size_t which) { return terminal::fixed(mean_of(quantity(own, which)).mean, 4); };
    record.table.push_back(
        {s.label, c10::str(s.lr), c10::str(s.momentum), mean(kPlainAccuracy), mean(kAugmentedAccuracy), mean(kTestLoss),
         told(paired_difference(quantity(own, kAugmentedAccuracy), quantity(muon, kAugmentedAccuracy)))});
  }

  Panel accuracy{"alpha", "test accuracy, augmented", false, false, {}}, loss{"alpha", "test loss", false, false, {}};
  for (const auto* parameters : {kMuons, kFMuons}) {
    accuracy.curves.push_back(over_alpha(runs, size, parameters, kAugmentedAccuracy));
    loss.curves.push_back(over_alpha(runs, size, parameters, kTestLoss));
  }
  Panel training{"epochs", "test loss", false, false, {}};
  const double per_step = cells.front().experiment->figure().x_per_step;
  const auto add = [&](const std::string& label, const std::string& shown) {
    std::vector<Curve> curves;
    for (const auto& run : runs.at(label)) curves.push_back(by_step(run.folder, shown, "validation_loss", per_step));
    training.curves.push_back(mean_of(curves));
    if (shown.starts_with("F-")) training.curves.back().like = shown.substr(2);  // dashed beside the rule it mixes
  };
  add(f_muon(1, kMuons, 0, 0).label, "Muon");
  add(f_muon(0.5, kFMuons, 0, 0).label, "F-Muon");
  for (std::size_t i = 2 * size.alphas.size(); i < settings.size(); ++i) add(settings[i].label, settings[i].label);
  draw({"airbench on " + data_text(request), {accuracy, loss, training}}, request.out / "fig-2.png");
  write_record(request, record);
}

}  // namespace fanion::reproduce
