#include "experiments/tuning.h"

#include <algorithm>
#include <limits>

namespace fanion::experiments {
namespace {

constexpr int kMostRounds = 8;

/// The rates that are still to be tried; empty: the best is inside.
std::vector<double> wanted(const TunedRule& rule) {
  std::vector<double> rates;
  if (rule.losses.empty()) {
    for (const double factor : {0.5, 1.0, 2.0}) rates.push_back(rule.best.lr * factor);
    return rates;
  }
  for (const double rate : {rule.best.lr / 2, rule.best.lr * 2})
    if (!rule.losses.contains(rate)) rates.push_back(rate);
  return rates;
}

}  // namespace

std::vector<TunedRule> tune_rates(const std::filesystem::path& top, const std::vector<TunedRate>& rules, double start,
                                  const MakeConfigured& make, const CellOptions& options) {
  std::vector<TunedRule> tuned;
  for (const auto& rule : rules) {
    tuned.push_back({rule, {}});
    if (rule.lr == 0) tuned.back().best.lr = start;
  }
  auto own = options;
  own.keep_failures = true;  // a rate that diverges is a rate that is too large
  for (int round = 0; round < kMostRounds; ++round) {
    std::vector<Cell> cells;
    std::vector<std::pair<std::size_t, double>> of;
    for (std::size_t i = 0; i < tuned.size(); ++i)
      for (const double rate : wanted(tuned[i])) {
        auto experiment = make(tuned[i].best);
        experiment->run.optimizer = tuned[i].best.optimizer;
        experiment->run.lr = rate;
        experiment->resolve();
        experiment->check();
        const auto label = c10::str(tuned[i].best.label, " lr ", rate);
        cells.push_back({label, folder_name(label), std::move(experiment)});
        of.emplace_back(i, rate);
      }
    if (cells.empty()) break;
    const auto results = run_cells(top, cells, own);
    for (std::size_t c = 0; c < cells.size(); ++c)
      tuned[of[c].first].losses[of[c].second] =
          results[c].failure.empty() ? results[c].quantities.front() : std::numeric_limits<double>::infinity();
    for (auto& rule : tuned)
      rule.best.lr = std::min_element(rule.losses.begin(), rule.losses.end(), [](const auto& a, const auto& b) {
                       return a.second < b.second;
                     })->first;
  }
  return tuned;
}

}  // namespace fanion::experiments
