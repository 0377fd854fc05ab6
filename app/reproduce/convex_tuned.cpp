#include "reproduce/convex_tuned.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/randn.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "experiments/cells.h"
#include "experiments/least_squares/least_squares_experiment.h"
#include "fanion/norms/registry.h"
#include "reproduce/figure.h"
#include "reproduce/record.h"
#include "terminal/table.h"

namespace fanion::reproduce {
namespace {

using experiments::Cell;
using experiments::least_squares::LeastSquaresExperiment;

constexpr double kTarget = 0.001;

struct TunedRow {
  std::string label;
  std::string rule;
};

/// Muon with 3 Newton–Schulz steps, as the authors take.
std::vector<TunedRow> rows_of(int64_t size) {
  std::vector<TunedRow> contenders = {{"Muon", "muon:ns_steps=3"},
                                      {"NSGD", "nsgd"},
                                      {"F-Muon", "f-muon:ns_steps=3"},
                                      {"SignSGD", "signum"},
                                      {"S-Muon", "s-muon:ns_steps=3"}};
  for (const int64_t k : {int64_t{1}, int64_t{2}, int64_t{5}, size / 5}) {
    const auto number = std::to_string(k);
    contenders.push_back({"Fanion-" + number, "fanion:k=" + number});
    contenders.push_back({"F-Fanion-" + number, "f-fanion:k=" + number});
    contenders.push_back({"S-Fanion-" + number, "s-fanion:k=" + number});
  }
  return contenders;
}

std::shared_ptr<LeastSquaresExperiment> experiment_of(const Request& request, const TunedRow& contender, int64_t size,
                                                      int64_t steps, double lr, double momentum) {
  auto experiment = std::make_shared<LeastSquaresExperiment>();
  experiment->problem.rows = experiment->problem.columns = size;
  auto& run = experiment->run;
  run.optimizer = contender.rule;
  run.lr = lr;
  run.step.momentum = momentum;
  run.step.nesterov = true;
  run.step.momentum_kind = optim::MomentumKind::sum;
  run.steps = run.eval_every = run.checkpoint_every = steps;
  run.threads = 1;
  run.device = request.device;
  experiment->resolve();
  experiment->check();
  return experiment;
}

/// The losses before each step.
std::vector<double> losses_of(const std::filesystem::path& folder) {
  std::vector<double> losses;
  for (const auto& line : record::RunFolder::open(folder).metrics())
    if (line.contains("loss")) losses.push_back(line.at("loss").get<double>());
  return losses;
}

/// Steps taken until the loss is at most the target; infinite if it never is.
double steps_to_target(const std::vector<double>& losses) {
  const auto found = std::find_if(losses.begin(), losses.end(), [](double loss) { return loss <= kTarget; });
  return found == losses.end() ? std::numeric_limits<double>::infinity() : static_cast<double>(found - losses.begin());
}

struct Best {
  double steps = std::numeric_limits<double>::infinity();
  double last = std::numeric_limits<double>::infinity();
  double lr = 0, momentum = 0;
  std::vector<double> losses;
};

}  // namespace

void convex_tuned(const Request& request) {
  const int64_t size = request.quick ? 60 : 500, steps = request.quick ? 300 : 1500, rates = request.quick ? 4 : 8;
  const auto momenta = request.quick ? std::vector<double>{0.9} : std::vector<double>{0.8, 0.9, 0.95};
  const auto contenders = rows_of(size);
  const auto X = at::randn({size, size}, at::detail::createCPUGenerator(0), at::kDouble) * 0.1;
  std::vector<Cell> cells;
  std::vector<std::size_t> of;
  for (std::size_t m = 0; m < contenders.size(); ++m) {
    // Rates are fractions of the way to go in the norm whose unit ball the steps lie in.
    const double reach = norms::norm_from_name(contenders[m].rule)->value(X).item<double>();
    for (const double momentum : momenta)
      for (int64_t i = 0; i < rates; ++i) {
        const double lr = reach * (1 - momentum) / std::pow(2.0, static_cast<double>(i + 2));
        const auto label =
            c10::str(contenders[m].label, ", lr ", terminal::significant(lr, 3), ", momentum ", momentum);
        cells.push_back(
            {label, experiments::folder_name(label), experiment_of(request, contenders[m], size, steps, lr, momentum)});
        of.push_back(m);
      }
  }
  const auto results =
      experiments::run_cells(request.out / "runs", cells, {.jobs = request.jobs, .keep_failures = true});
  std::vector<Best> best(contenders.size());
  for (std::size_t c = 0; c < cells.size(); ++c) {
    if (!results[c].failure.empty()) continue;
    auto losses = losses_of(results[c].folder);
    const double needed = steps_to_target(losses), last = results[c].quantities.front();
    auto& known = best[of[c]];
    if (std::pair(needed, last) >= std::pair(known.steps, known.last)) continue;
    const auto& run = cells[c].experiment->run;
    known = {needed, last, run.lr, run.step.momentum, std::move(losses)};
  }

  Record record{"convex-tuned",
                c10::str("Least squares of ", size, " × ", size, ", sum momentum with Nesterov, constant rate; ", rates,
                         " rates of factor 2 times ", momenta.size(), " momenta around 0.9 for each optimizer, ", steps,
                         " steps."),
                c10::str("1 seed; steps to a loss of ", kTarget),
                {},
                {},
                {"convex-tuned.png"}};
  record.table = {{"optimizer", "steps to 0.001", "lr", "momentum", "loss at the end"}};
  Panel panel{"iterations", "loss", false, true, {}};
  std::size_t first = 0;
  for (std::size_t m = 0; m < contenders.size(); ++m) {
    const auto& b = best[m];
    if (b.steps < best[first].steps) first = m;
    record.table.push_back({contenders[m].label, steps_text(b.steps), terminal::significant(b.lr, 3),
                            terminal::significant(b.momentum, 3), terminal::significant(b.last, 3)});
    Curve curve{contenders[m].label, {}, {}};
    const auto stride = std::max<std::size_t>(1, b.losses.size() / 300);
    for (std::size_t i = 0; i < b.losses.size(); i += stride) {
      curve.x.push_back(static_cast<double>(i));
      curve.y.push_back(b.losses[i]);
    }
    panel.curves.push_back(std::move(curve));
  }
  record.findings = {{"Muon needs the fewest steps", first == 0, "first is " + contenders[first].label}};
  draw({"Least squares, tuned rates and momenta", {panel}}, request.out / "convex-tuned.png");
  write_record(request, record);
}

}  // namespace fanion::reproduce
