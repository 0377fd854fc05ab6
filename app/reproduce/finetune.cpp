#include "reproduce/finetune.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "data/shipped_file.h"
#include "experiments/cells.h"
#include "reproduce/contest.h"
#include "reproduce/curves_of.h"
#include "reproduce/record.h"
#include "reproduce/small_gpt.h"
#include "terminal/table.h"

namespace fanion::reproduce {
namespace {

using experiments::Cell;
using experiments::CellResult;

/// A fine-tuned loss counts as good within this share of the gap between the rule's best one and the loss before.
constexpr double kGoodShare = 0.1;
/// AdamW's rates of embedding, head and gains, of those in training.
constexpr double kGentle = 0.1;

/// Rates in the middle of the grid.
std::vector<Contender> tuners() {
  return {{"Muon", "muon", 0.02},
          {"F-Muon", "f-muon", 0.02},
          {"S-Muon", "s-muon", 0.02},
          {"Neon", "neon", 0.02},
          {"AdamW", "adamw", 0.002}};
}

struct Loss {
  double rate = 0;
  std::vector<double> by_seed;  ///< infinite where a training failed

  double mean() const {
    double sum = 0;
    for (const double loss : by_seed) sum += loss;
    return sum / static_cast<double>(by_seed.size());
  }
};

struct Robustness {
  Loss best;
  double width = 0;  ///< the largest good rate over the smallest
  bool cut = false;  ///< the grid ends among the good rates
};

Robustness robustness_of(const std::vector<Loss>& losses, double before) {
  const auto best =
      std::min_element(losses.begin(), losses.end(), [](const auto& a, const auto& b) { return a.mean() < b.mean(); });
  const double limit = best->mean() + kGoodShare * (before - best->mean());
  auto first = best, last = best;
  while (first != losses.begin() && std::prev(first)->mean() <= limit) --first;
  while (std::next(last) != losses.end() && std::next(last)->mean() <= limit) ++last;
  return {*best, last->rate / first->rate, first == losses.begin() || std::next(last) == losses.end()};
}

std::shared_ptr<experiments::gpt::GptExperiment> pretraining(const Request& request, int64_t steps) {
  auto experiment = small_gpt(request, steps);
  if (request.data.empty()) experiment->gpt.data = data::shipped_file("books.txt");
  experiment->run.optimizer = "muon";
  experiment->run.lr = 0.04;
  experiment->resolve();
  experiment->check();
  return experiment;
}

}  // namespace

void finetune(const Request& request) {
  const int64_t steps = request.steps_or(request.quick ? 50 : 100), seeds = request.seeds_or(request.quick ? 1 : 3);
  const int halvings = request.quick ? 2 : 4;
  const auto rules = tuners();
  const auto books = pretraining(request, 10 * steps);
  const auto trained = experiments::run_cells(request.out, {{"books", "books", books}}, {}).front();

  std::vector<Cell> cells;
  for (const auto& rule : rules)
    for (int i = -halvings; i <= halvings; ++i)
      for (int64_t seed = 0; seed < seeds; ++seed) {
        auto experiment = small_gpt(request, steps);
        experiment->gpt.data = data::shipped_file("tinyshakespeare.txt");
        experiment->run.init_from = trained.folder.string();
        experiment->run.optimizer = rule.rule;
        experiment->run.lr = rule.lr * std::pow(request.quick ? 4.0 : 2.0, i);
        experiment->run.seed = seed;
        experiment->run.eval_every = experiment->run.checkpoint_every = experiment->run.steps;
        for (auto& [role, rate] : experiment->role_lr) rate *= kGentle;
        experiment->resolve();
        experiment->check();
        const auto label = c10::str(rule.label, " lr ", experiment->run.lr, " seed ", seed);
        cells.push_back({label, experiments::folder_name(label), std::move(experiment)});
      }
  const auto results =
      experiments::run_cells(request.out / "runs", cells, {.jobs = request.jobs, .keep_failures = true});

  const double before = by_step(results.front().folder, "", "validation_loss").y.front();
  std::vector<std::vector<Loss>> losses(rules.size());
  auto result = results.begin();
  for (auto& of_rule : losses)
    for (int i = -halvings; i <= halvings; ++i) {
      Loss loss{cells[static_cast<std::size_t>(result - results.begin())].experiment->run.lr, {}};
      for (int64_t seed = 0; seed < seeds; ++seed, ++result)
        loss.by_seed.push_back(result->failure.empty() ? result->quantities.front()
                                                       : std::numeric_limits<double>::infinity());
      of_rule.push_back(std::move(loss));
    }

  Record record{"finetune",
                c10::str(small_gpt_text(*books), ", with Muon on ",
                         request.data.empty() ? "two books (Alice in Wonderland, The Man Who Was Thursday)"
                                              : "the text of --data",
                         "; then ", cells.front().experiment->run.steps,
                         " steps on tinyshakespeare, where its loss is ", terminal::fixed(before, 4),
                         " before, matrices by the rule, the others by AdamW at ", kGentle, " of their rates."),
                c10::str("mean over ", seeds,
                         " seeds of the batches; good rates are those next to the best one that leave "
                         "at most ",
                         kGoodShare, " of its gain"),
                {{"optimizer", "best lr", "val loss", "minus Muon's, 95 %", "good rates, largest / smallest"}},
                {},
                {"finetune.png"},
                {{"Loss by rate", {{"optimizer", "rate: loss"}}}}};
  Panel panel{"learning rate of the matrices", "validation loss (nats per byte)", true, false, {}};
  std::map<std::string, Robustness> found;
  for (std::size_t r = 0; r < rules.size(); ++r) {
    const auto& label = rules[r].label;
    const auto& own = found[label] = robustness_of(losses[r], before);
    Curve curve{label, {}, {}};
    std::string all;
    for (const auto& loss : losses[r]) {
      all += (all.empty() ? "" : ", ") + c10::str(loss.rate) + ": " + terminal::fixed(loss.mean(), 4);
      if (loss.mean() > 1.2 * before) continue;  // diverged: off the picture
      curve.x.push_back(loss.rate);
      curve.y.push_back(loss.mean());
    }
    panel.curves.push_back(std::move(curve));
    record.appendices.front().second.push_back({label, all});
    const auto d = paired_difference(own.best.by_seed, found.at("Muon").best.by_seed);
    record.table.push_back({label, c10::str(own.best.rate), terminal::fixed(own.best.mean(), 4),
                            label == "Muon" ? "0" : interval_text(d, 4),
                            (own.cut ? ">= " : "") + terminal::fixed(own.width, 0)});
  }
  std::string widest = rules.front().label;
  for (const auto& rule : rules)
    if (found.at(rule.label).width > found.at(widest).width) widest = rule.label;
  const bool alone = std::count_if(rules.begin(), rules.end(), [&](const auto& rule) {
                       return found.at(rule.label).width >= found.at("F-Muon").width;
                     }) == 1;
  // Muon's best loss against that of the best other rule, under the same seeds; a single seed decides nothing.
  const auto best_loss = [&](const auto& rule) { return found.at(rule.label).best.mean(); };
  const auto rival = std::ranges::min_element(rules, {}, [&](const auto& rule) {
    return rule.label == "Muon" ? std::numeric_limits<double>::infinity() : best_loss(rule);
  });
  const auto d = paired_difference(found.at("Muon").best.by_seed, found.at(rival->label).best.by_seed);
  record.findings = {{"F-Muon is the most robust: it alone has the widest range of good rates",
                      seeds > 1 ? std::optional(alone) : std::nullopt,
                      "widest is " + widest + ", " + terminal::fixed(found.at(widest).width, 0) + "; F-Muon " +
                          terminal::fixed(found.at("F-Muon").width, 0)},
                     {"Muon has the lowest loss at its best rate", is_below(0, d),
                      "minus that of " + rival->label + ": " + interval_text(d, 4)}};
  draw({"Fine-tuned on Shakespeare: loss against the rate", {panel}}, request.out / "finetune.png");
  write_record(request, record);
}

}  // namespace fanion::reproduce
