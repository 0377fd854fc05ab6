#include "reproduce/error_feedback.h"

#include <string_view>

#include "experiments/least_squares/least_squares_experiment.h"
#include "fanion/optim/presets.h"
#include "reproduce/contest.h"
#include "reproduce/record.h"
#include "reproduce/small_gpt.h"
#include "terminal/table.h"

namespace fanion::reproduce {
namespace {

struct LowRank {
  std::string label, rule;
  double least_squares_lr, gpt_lr;  ///< where sweeps begin, for the rule with error feedback too
};

/// A rank of 8 in 60 to 200 on least squares, in 64 on the GPT, whose rates are about the best of Neon and D-Fanion in
/// fig-4.
const std::vector<LowRank>& low_rank_rules() {
  static const std::vector<LowRank> all = {{"Neon", "neon", 0.05, 0.0125},
                                           {"F-Neon", "f-neon", 0.05, 0.0125},
                                           {"Fanion-8", "fanion:k=8", 0.05, 0.025},
                                           {"D-Fanion-8", "d-fanion:k=8", 0.05, 0.04},
                                           {"Dion-8", "dion:k=8", 0.05, 0.025}};
  return all;
}

constexpr const char* kKept = " + feedback";

/// Each rule without and with error feedback; Dion with the momentum and scale that are its own.
std::vector<Contender> with_and_without(double LowRank::* lr) {
  std::vector<Contender> contenders;
  for (const auto& rule : low_rank_rules())
    for (const bool kept : {false, true})
      contenders.push_back({rule.label + (kept ? kKept : ""), rule.rule, rule.*lr,
                            [kept, dion = rule.rule.starts_with("dion")](experiments::RunOptions& run) {
                              if (dion) {
                                run.step.nesterov = optim::kDionStep.nesterov;
                                run.step.momentum_kind = optim::kDionStep.momentum_kind;
                                run.step.adjust_lr_fn = optim::kDionStep.adjust_lr_fn;
                              }
                              run.step.error_feedback = kept;
                            }});
  return contenders;
}

void add_feedback_findings(std::vector<Finding>& findings, const Contest& contest, const std::string& where,
                           int digits) {
  for (const auto& rule : low_rank_rules()) {
    const auto d = contest.difference(rule.label + kKept, rule.label);
    findings.push_back(
        {where + ": " + rule.label + " gains by error feedback", is_below(0, d), interval_text(d, digits)});
  }
}

Panel panel_of(const Contest& contest, const std::string& x, const std::string& y, bool log) {
  Panel panel{x, y, false, log, contest.curves(1)};
  for (auto& curve : panel.curves)
    if (curve.label.ends_with(kKept))
      curve.like = curve.label.substr(0, curve.label.size() - std::string_view(kKept).size());
  return panel;
}

}  // namespace

void error_feedback(const Request& request) {
  const int64_t size = request.quick ? 60 : 200, iterations = request.quick ? 200 : 500;
  const int64_t steps = request.steps_or(request.quick ? 100 : 300), seeds = request.seeds_or(request.quick ? 2 : 3);
  const auto squares = [&] {
    auto experiment = std::make_shared<experiments::least_squares::LeastSquaresExperiment>();
    experiment->problem.rows = experiment->problem.columns = size;
    experiment->run.schedule = "linear";
    experiment->run.steps = iterations;
    experiment->run.eval_every = iterations / 20;
    experiment->run.checkpoint_every = iterations;
    experiment->run.threads = 1;
    experiment->run.device = request.device;
    return experiment;
  };
  const auto gpt = [&] { return small_gpt(request, steps); };
  const auto on_squares =
      compete(request, with_and_without(&LowRank::least_squares_lr), squares, true, seeds, "least-squares");
  const auto on_text = compete(request, with_and_without(&LowRank::gpt_lr), gpt, !request.quick, seeds, "gpt");

  Record record{
      "fig-ef",
      c10::str("Least squares of ", size, " × ", size, " as in fig-1, ", iterations, " iterations, momentum 0.6; ",
               small_gpt_text(*gpt()),
               ", momentum 0.95. On both the rate is "
               "flat for half of the steps, then falls to 0. Below: the GPT."),
      c10::str("mean ± standard deviation over ", seeds,
               " seeds; differences seed by seed, with Student's 95 % interval"),
      on_text.table("Fanion-8", 4),
      {},
      {"fig-ef.png"},
      {{"Least squares", on_squares.table("Fanion-8", 6)}, {"The sweep on least squares", on_squares.sweep_table()}}};
  if (!request.quick) record.appendices.emplace_back("The sweep on the GPT", on_text.sweep_table());
  add_feedback_findings(record.findings, on_squares, "least squares", 6);
  add_feedback_findings(record.findings, on_text, "GPT", 4);
  draw({"Low-rank rules without and with error feedback, mean over the seeds",
        {panel_of(on_squares, "iterations", "least squares: loss", true),
         panel_of(on_text, "steps", "GPT: validation loss (nats per byte)", false)}},
       request.out / "fig-ef.png");
  write_record(request, record);
}

}  // namespace fanion::reproduce
