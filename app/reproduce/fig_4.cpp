#include "reproduce/fig_4.h"

#include <numeric>

#include "reproduce/contest.h"
#include "reproduce/record.h"
#include "reproduce/small_gpt.h"

namespace fanion::reproduce {
namespace {

/// Rates of the sweep over 100 steps in docs/results/fig-4-steps-100.md.
std::vector<Contender> language_models() {
  const auto neuron = [](experiments::RunOptions& run) { run.step.adapt = optim::Adapt::neuron; };
  return {{"Muon", "muon", 0.04},
          {"F-Muon 0.5", "f-muon", 0.16},
          {"F-Muon 0.3", "f-muon:alpha=0.3", 0.16},
          {"F-Muon -0.1", "f-muon:alpha=-0.1", 0.02},
          {"F-Muon 1.1", "f-muon:alpha=1.1", 0.04},
          {"S-Muon", "s-muon", 0.01},
          {"NorMuon", "muon", 0.08, neuron},
          {"D-Fanion-8", "d-fanion:k=8", 0.04},
          {"Neon", "neon", 0.0125},
          {"NSGD", "nsgd", 0.0375},
          {"AdamW", "adamw", 0.001}};
}

/// What counts as on par, of the loss; KyFan calls 3.281 and 3.279 so, which is 0.06 %, on a task with far less noise.
constexpr double kOnPar = 0.01;

/// a's mean loss is no more than 1 % above b's.
Finding on_par(const Contest& contest, const std::string& claim, const std::string& a, const std::string& b) {
  const auto d = contest.difference(a, b);
  const auto ends = contest.ends(b);
  const double mean = std::accumulate(ends.begin(), ends.end(), 0.0) / static_cast<double>(ends.size());
  return {claim + " (within 1 %)", d.mean <= kOnPar * mean, interval_text(d, 4)};
}

/// a's loss is shown to be larger than b's.
Finding behind(const Contest& contest, const std::string& claim, const std::string& a, const std::string& b) {
  const auto d = contest.difference(a, b);
  return {claim, is_above(0, d), interval_text(d, 4)};
}

}  // namespace

void figure_4(const Request& request) {
  const int64_t steps = request.steps_or(request.quick ? 100 : 300), seeds = request.seeds_or(request.quick ? 3 : 5);
  const auto make = [&] { return small_gpt(request, steps); };
  const auto contest = compete(request, language_models(), make, !request.quick, seeds, "runs");

  const auto experiment = make();
  Record record{
      "fig-4",
      small_gpt_text(*experiment) + " on " + (request.data.empty() ? "tinyshakespeare" : "the text of --data") +
          (request.quick ? "; rates of the recorded sweep over 100 steps." : "; rates by the sweep below."),
      c10::str("mean ± standard deviation over ", seeds,
               " seeds; differences seed by seed, with Student's 95 % interval"),
      contest.table("Muon", 4),
      {on_par(contest, "F-Muon with alpha = 0.5 is on par with Muon", "F-Muon 0.5", "Muon"),
       behind(contest, "NSGD is behind Muon", "NSGD", "Muon"),
       behind(contest, "NSGD is behind F-Muon, the mean of both", "NSGD", "F-Muon 0.5"),
       on_par(contest, "alpha = -0.1, of no norm, is on par with alpha = 0.3 or better", "F-Muon -0.1", "F-Muon 0.3"),
       on_par(contest, "alpha = 1.1, of no norm, is on par with Muon", "F-Muon 1.1", "Muon"),
       behind(contest, "Neon is behind Muon", "Neon", "Muon")},
      {"fig-4.png"}};
  if (!request.quick) record.appendices = {{"The sweep", contest.sweep_table()}};
  draw({"GPT on text: validation loss, mean over the seeds",
        {{"steps", "validation loss (nats per byte)", false, false, contest.curves(1)},
         {"steps, the second half", "validation loss (nats per byte)", false, false, contest.curves(steps / 2)}}},
       request.out / "fig-4.png");
  write_record(request, record);
}

}  // namespace fanion::reproduce
