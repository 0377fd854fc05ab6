#include "reproduce/contest.h"

#include <algorithm>

#include "reproduce/curves_of.h"
#include "terminal/progress.h"
#include "terminal/table.h"

namespace fanion::reproduce {
namespace {

using experiments::TunedRate;

/// Rates are chosen on batches and initial weights that no contest is judged by.
constexpr int64_t kTuningSeed = 1000;

std::shared_ptr<experiments::Experiment> problem_of(const Contender& contender, const MakeProblem& make, int64_t seed) {
  auto experiment = make();
  if (contender.change) contender.change(experiment->run);
  experiment->run.seed = seed;
  return experiment;
}

}  // namespace

Contest compete(const Request& request, const std::vector<Contender>& contenders, const MakeProblem& make, bool tune,
                int64_t seeds, const std::string& folder) {
  Contest contest{contenders, {}, {}};
  std::vector<TunedRate> rates;
  for (const auto& c : contenders) rates.push_back({c.label, c.rule, c.lr});
  const auto to_be_tuned = [&](const TunedRate& rate) {
    return problem_of(contenders[contest.index_of(rate.label)], make, kTuningSeed);
  };
  if (tune)
    contest.tuned =
        experiments::tune_rates(request.out / (folder + "-rates"), rates, 0, to_be_tuned, {.jobs = request.jobs});
  else
    for (const auto& rate : rates) contest.tuned.push_back({rate, {}});

  std::vector<experiments::Cell> cells;
  for (const auto& rule : contest.tuned)
    for (int64_t seed = 0; seed < seeds; ++seed) {
      auto experiment = problem_of(contenders[contest.index_of(rule.best.label)], make, seed);
      experiment->run.optimizer = rule.best.optimizer;
      experiment->run.lr = rule.best.lr;
      experiment->resolve();
      experiment->check();
      const auto label = c10::str(rule.best.label, " seed ", seed);
      cells.push_back({label, experiments::folder_name(label), std::move(experiment)});
    }
  const auto results = experiments::run_cells(request.out / folder, cells, {.jobs = request.jobs});
  for (std::size_t i = 0; i < contenders.size(); ++i) {
    const auto begin = results.begin() + static_cast<std::ptrdiff_t>(i) * seeds;
    contest.runs.emplace_back(begin, begin + seeds);
  }
  return contest;
}

std::size_t Contest::index_of(const std::string& label) const {
  for (std::size_t i = 0; i < contenders.size(); ++i)
    if (contenders[i].label == label) return i;
  TORCH_INTERNAL_ASSERT(false, label);
}

std::vector<double> Contest::ends(const std::string& label) const {
  std::vector<double> values;
  for (const auto& run : runs[index_of(label)]) values.push_back(run.quantities.front());
  return values;
}

Interval Contest::difference(const std::string& a, const std::string& b) const {
  return paired_difference(ends(a), ends(b));
}

std::vector<std::vector<std::string>> Contest::table(const std::string& reference, int digits) const {
  std::vector<std::vector<std::string>> rows = {{"optimizer", "lr", "val loss", "minus " + reference + "'s, 95 %"}};
  for (std::size_t i = 0; i < contenders.size(); ++i) {
    const auto& label = contenders[i].label;
    std::vector<Curve> points;
    for (const auto& run : runs[i]) points.push_back({"", {0}, {run.quantities.front()}});
    const auto end = mean_of(points);
    rows.push_back({label, c10::str(tuned[i].best.lr),
                    terminal::fixed(end.y[0], digits) + " ± " + terminal::fixed(end.spread[0], digits),
                    label == reference ? "0" : interval_text(difference(label, reference), digits)});
  }
  return rows;
}

std::vector<std::vector<std::string>> Contest::sweep_table() const {
  std::vector<std::vector<std::string>> rows = {{"optimizer", "rate: loss", "chosen"}};
  for (const auto& rule : tuned) {
    std::string tried;
    for (const auto& [rate, loss] : rule.losses)
      tried += (tried.empty() ? "" : ", ") + c10::str(rate) + ": " + terminal::loss_text(loss);
    rows.push_back({rule.best.label, tried, c10::str(rule.best.lr)});
  }
  return rows;
}

std::vector<Curve> Contest::curves(int64_t first) const {
  std::vector<Curve> drawn;
  for (std::size_t i = 0; i < contenders.size(); ++i) {
    std::vector<Curve> seeds;
    for (const auto& run : runs[i]) seeds.push_back(by_step(run.folder, contenders[i].label, "validation_loss"));
    auto mean = mean_of(seeds);
    const auto begin = std::lower_bound(mean.x.begin(), mean.x.end(), static_cast<double>(first)) - mean.x.begin();
    for (auto* values : {&mean.x, &mean.y, &mean.spread}) values->erase(values->begin(), values->begin() + begin);
    drawn.push_back(std::move(mean));
  }
  return drawn;
}

}  // namespace fanion::reproduce
