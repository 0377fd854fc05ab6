#include "reproduce/least_squares_figures.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "experiments/cells.h"
#include "experiments/least_squares/least_squares_experiment.h"
#include "reproduce/curves_of.h"
#include "reproduce/figure.h"
#include "reproduce/record.h"
#include "terminal/table.h"

namespace fanion::reproduce {
namespace {

using experiments::Cell;
using experiments::CellResult;

struct Method {
  std::string label;
  std::string rule;
  std::string plain = {};  ///< the Fanion that this is the F-version of
};

/// The ranks are those of the paper for 500 × 500, cut to the size at hand.
std::vector<Method> methods_of(int64_t size) {
  std::vector<Method> methods = {{"NSGD", "nsgd"}};
  for (const int64_t paper : {1, 2, 5, 100, 500}) {
    const auto k = paper == 100 ? size / 5 : paper;
    const auto number = std::to_string(k);
    const auto plain = k == 1 ? "Neon" : k == 500 ? "Muon" : "Fanion-" + number;
    const auto rule = k == 1 ? "neon" : k == 500 ? "muon" : "fanion:k=" + number;
    methods.push_back({plain, rule});
    methods.push_back({"F-" + plain, "f-" + rule, plain});
  }
  return methods;
}

struct Runs {
  std::vector<Method> methods;
  std::vector<CellResult> constant, falling;
  std::string configuration;
};

Runs train_all(const Request& request) {
  const int64_t size = request.quick ? 100 : 500, steps = request.quick ? 2000 : 12000;
  Runs runs{methods_of(size), {}, {}, ""};
  std::vector<Cell> cells;
  for (const auto* schedule : {"constant", "inverse_sqrt"})
    for (const auto& method : runs.methods) {
      auto experiment = std::make_shared<experiments::least_squares::LeastSquaresExperiment>();
      experiment->problem.rows = experiment->problem.columns = size;
      experiment->run.optimizer = method.rule;
      experiment->run.steps = steps;
      experiment->run.schedule = schedule;
      // 1/√t of the t-th step, and 1/√T of every step.
      experiment->run.lr = experiment->run.schedule == "constant" ? 1 / std::sqrt(static_cast<double>(steps)) : 1;
      experiment->run.eval_every = steps / 100;
      experiment->run.checkpoint_every = steps / 4;
      experiment->run.threads = 1;
      experiment->run.device = request.device;
      experiment->resolve();
      experiment->check();
      const auto label = method.label + (experiment->run.schedule == "constant" ? "" : ", 1/√t");
      const auto folder =
          experiments::folder_name(method.label) + (experiment->run.schedule == "constant" ? "" : "-inverse_sqrt");
      cells.push_back({label, folder, std::move(experiment)});
    }
  auto results =
      experiments::run_cells(request.out.parent_path() / (request.quick ? "least-squares-quick" : "least-squares"),
                             cells, {.jobs = request.jobs});
  const auto half = static_cast<std::ptrdiff_t>(runs.methods.size());
  runs.constant.assign(results.begin(), results.begin() + half);
  runs.falling.assign(results.begin() + half, results.end());
  runs.configuration = c10::str("Least squares of ", size, " × ", size,
                                ", spectra uniform in (0, 1), S = 0, X0 = ", "0.1·N(0, 1), momentum 0.6, T = ", steps,
                                ", lr 1/√T or 1/√t, in the eigenbasis.");
  return runs;
}

std::size_t index_of(const Runs& runs, const std::string& label) {
  for (std::size_t i = 0; i < runs.methods.size(); ++i)
    if (runs.methods[i].label == label) return i;
  TORCH_INTERNAL_ASSERT(false, label);
}

constexpr std::array<const char*, 4> kKeys = {"validation_loss", "gradient_frobenius", "gradient_spectral",
                                              "gradient_nuclear"};

/// The mean over the last tenth of the validations, for at a constant rate the curves end in a band.
double end_of(const CellResult& run, std::size_t quantity) {
  const auto y = by_step(run.folder, "", kKeys[quantity]).y;
  const auto last = std::max<std::size_t>(1, y.size() / 10);
  double sum = 0;
  for (std::size_t i = y.size() - last; i < y.size(); ++i) sum += y[i];
  return sum / static_cast<double>(last);
}

/// Iterations until the loss is 1 % of the first one; infinite if it never is.
double steps_to_a_hundredth(const CellResult& run) {
  const auto curve = by_step(run.folder, "", kKeys[0]);
  for (std::size_t i = 0; i < curve.y.size(); ++i)
    if (curve.y[i] <= 0.01 * curve.y.front()) return curve.x[i];
  return std::numeric_limits<double>::infinity();
}

/// What KyFan §4.1 says of these curves, at one of the two schedules.
void add_findings(std::vector<Finding>& findings, const Runs& runs, const std::vector<CellResult>& results,
                  const std::string& rate) {
  std::vector<double> fastest, frobenius;
  for (const auto& run : results) {
    fastest.push_back(steps_to_a_hundredth(run));
    frobenius.push_back(end_of(run, 1));
  }
  const auto first = static_cast<std::size_t>(std::min_element(fastest.begin(), fastest.end()) - fastest.begin());
  const auto& last = runs.methods.back();
  findings.push_back({"lr " + rate + ": " + last.label + " is the first at 1 % of the first loss",
                      runs.methods[first].label == last.label,
                      runs.methods[first].label + " after " + steps_text(fastest[first]) + ", " + last.label +
                          " after " + steps_text(fastest.back())});
  std::vector<std::string> order = {"NSGD"};
  for (const auto& method : runs.methods)
    if (!method.plain.empty()) order.push_back(method.label);
  bool ordered = true;
  std::string values, claim;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const double value = frobenius[index_of(runs, order[i])];
    if (i > 0) ordered = ordered && frobenius[index_of(runs, order[i - 1])] < value;
    values += (i == 0 ? "" : ", ") + terminal::significant(value, 3);
    claim += (i == 0 ? "" : " < ") + order[i];
  }
  findings.push_back({"lr " + rate + ": Frobenius norm of the gradient: " + claim, ordered, values});
  std::string pairs;
  bool below = true;
  for (std::size_t i = 0; i < runs.methods.size(); ++i) {
    const auto& method = runs.methods[i];
    if (method.plain.empty()) continue;
    const double own = frobenius[i], plain = frobenius[index_of(runs, method.plain)];
    below = below && own < plain;
    pairs += (pairs.empty() ? "" : "; ") + method.label + " " + terminal::significant(own, 3) + ", " + method.plain +
             " " + terminal::significant(plain, 3);
  }
  findings.push_back(
      {"lr " + rate + ": every F-Fanion has a smaller Frobenius norm of the gradient than its Fanion", below, pairs});
}

Panel panel(const Runs& runs, const std::vector<CellResult>& results, std::size_t quantity, const char* label,
            bool against_time) {
  Panel drawn{against_time ? "training time (seconds)" : "iterations", label, false, true, {}};
  for (std::size_t i = 0; i < results.size(); ++i) {
    const auto& method = runs.methods[i];
    auto curve = against_time ? by_time(results[i].folder, method.label, kKeys[quantity])
                              : by_step(results[i].folder, method.label, kKeys[quantity]);
    curve.like = method.plain;
    drawn.curves.push_back(std::move(curve));
  }
  return drawn;
}

Record record_of(const Runs& runs, const std::string& name) {
  Record record{name, runs.configuration, "1 seed; mean over the last tenth of the iterations", {}, {}, {}};
  record.table = {{"method", "loss", "|grad|_F", "|grad|_op", "|grad|_nuc", "ms/step", "loss, 1/√t", "|grad|_F, 1/√t"}};
  for (std::size_t i = 0; i < runs.methods.size(); ++i) {
    std::vector<std::string> row = {runs.methods[i].label};
    for (std::size_t q = 0; q < kKeys.size(); ++q) row.push_back(terminal::significant(end_of(runs.constant[i], q), 3));
    const auto& run = runs.constant[i];
    row.push_back(terminal::fixed(1000 * run.seconds / static_cast<double>(run.step), 2));
    row.push_back(terminal::significant(end_of(runs.falling[i], 0), 3));
    row.push_back(terminal::significant(end_of(runs.falling[i], 1), 3));
    record.table.push_back(std::move(row));
  }
  add_findings(record.findings, runs, runs.constant, "1/√T");
  add_findings(record.findings, runs, runs.falling, "1/√t");
  record.pictures = {name + ".png"};
  return record;
}

}  // namespace

void figure_1(const Request& request) {
  const auto runs = train_all(request);
  draw({"Least squares, lr 1/√T (above) and 1/√t (below)",
        {panel(runs, runs.constant, 0, "loss", false),
         panel(runs, runs.constant, 1, "Frobenius norm of the gradient", false),
         panel(runs, runs.falling, 0, "loss", false),
         panel(runs, runs.falling, 1, "Frobenius norm of the gradient", false)}},
       request.out / "fig-1.png");
  write_record(request, record_of(runs, "fig-1"));
}

void figure_7(const Request& request) {
  const auto runs = train_all(request);
  draw({"Least squares, lr 1/√T",
        {panel(runs, runs.constant, 2, "spectral norm of the gradient", false),
         panel(runs, runs.constant, 3, "nuclear norm of the gradient", false),
         panel(runs, runs.constant, 0, "loss", true),
         panel(runs, runs.constant, 1, "Frobenius norm of the gradient", true)}},
       request.out / "fig-7.png");
  write_record(request, record_of(runs, "fig-7"));
}

}  // namespace fanion::reproduce
