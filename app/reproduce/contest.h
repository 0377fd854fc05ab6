#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "experiments/cells.h"
#include "experiments/tuning.h"
#include "reproduce/figure.h"
#include "reproduce/paired_difference.h"
#include "reproduce/reproduction.h"

namespace fanion::reproduce {

/// An optimizer of a contest.
struct Contender {
  std::string label;
  std::string rule;
  double lr = 0;  ///< the best of the recorded sweep: where a new one begins, and what is taken where none is asked for
  std::function<void(experiments::RunOptions&)> change = {};  ///< what differs beside the rule
};

/// A new experiment with everything as it is to be but optimizer, rate and seed.
using MakeProblem = std::function<std::shared_ptr<experiments::Experiment>()>;

/// Contenders that were trained on one problem, each with its own rate, under the same seeds.
struct Contest {
  std::vector<Contender> contenders;
  std::vector<experiments::TunedRule> tuned;               ///< of each; without losses where no sweep was asked for
  std::vector<std::vector<experiments::CellResult>> runs;  ///< of each, by seed

  std::size_t index_of(const std::string& label) const;
  /// The first quantity of the last validation, by seed.
  std::vector<double> ends(const std::string& label) const;
  /// a minus b, seed by seed.
  Interval difference(const std::string& a, const std::string& b) const;
  /// A row each: rate, mean ± standard deviation, difference to `reference`.
  std::vector<std::vector<std::string>> table(const std::string& reference, int digits) const;
  /// A row each: all rates with what they led to, and the chosen one.
  std::vector<std::vector<std::string>> sweep_table() const;
  /// The mean over the seeds of the first quantity at the validations from step `first` on, a curve each.
  std::vector<Curve> curves(int64_t first) const;
};

/// Trains every contender with the seeds 0, 1, …; with `tune`, at the rate that a sweep under another seed finds (grid
/// of factor 2, see `tune_rates`), else at its own. Runs go to request.out.
Contest compete(const Request& request, const std::vector<Contender>& contenders, const MakeProblem& make, bool tune,
                int64_t seeds, const std::string& folder);

}  // namespace fanion::reproduce
