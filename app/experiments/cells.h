#pragma once

#include <exception>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "experiments/experiment.h"
#include "record/run_folder.h"

namespace fanion::experiments {

/// One training of a study: a run folder of its own.
struct Cell {
  std::string label;
  std::string folder;                            ///< below the study's
  std::shared_ptr<const Experiment> experiment;  ///< resolved and checked
};

/// What came of a cell.
struct CellResult {
  std::filesystem::path folder;
  int64_t step = 0;
  double seconds = 0, optimizer_seconds = 0;
  std::vector<double> quantities;  ///< of the last validation
  std::string failure;             ///< the error it ended with; empty: finished
};

struct CellOptions {
  int64_t jobs = 1;            ///< trainings at a time, each a process of its own
  bool keep_failures = false;  ///< a cell that fails (a rate that diverges) is a result; else it throws
};

/// Trains every cell below `top`; those that are finished there already are read, begun ones go on. A folder there that
/// holds another configuration than its cell throws before anything is trained. After an interrupt the trainings save
/// and `Interrupted` is thrown; the same call goes on from there. A line on standard error for each finished cell.
struct Interrupted : std::exception {};
std::vector<CellResult> run_cells(const std::filesystem::path& top, const std::vector<Cell>& cells,
                                  const CellOptions& options);

/// A label as the name of a folder: letters, digits, '-' and '.' stay.
std::string folder_name(const std::string& label);

/// A run's folder as a cell's result.
CellResult result_of(const record::RunFolder& run);

}  // namespace fanion::experiments
