#pragma once

#include <filesystem>
#include <vector>

#include "experiments/runner.h"
#include "experiments/tuned_rates.h"

namespace fanion::commands {

/// One run of a comparison.
struct ComparedRun {
  experiments::TunedRate optimizer;
  std::filesystem::path folder;
  experiments::TrainingResult result;
};

/// Prints and writes into the folder `top` how the runs, all of them finished, compare: table.txt and compare.png; then
/// a sample of the best, where its experiment has one.
void report_comparison(const std::filesystem::path& top, const std::vector<ComparedRun>& runs);

}  // namespace fanion::commands
