#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "reproduce/reproduction.h"

namespace fanion::reproduce {

/// What a paper says, and whether these runs say it too.
struct Finding {
  std::string claim;
  std::optional<bool> holds;  ///< nothing where the runs do not decide it
  std::string evidence;
};

/// What a reproduction leaves: OUT/record.md and the same on standard output.
struct Record {
  std::string name;
  std::string configuration;                    ///< sizes, rates, steps
  std::string statistic;                        ///< seeds, and what the numbers are: "1 seed; last value"
  std::vector<std::vector<std::string>> table;  ///< the first row is the heading
  std::vector<Finding> findings;
  std::vector<std::string> pictures;  ///< files below OUT
  /// A heading with a table each, below the pictures; in record.md alone.
  std::vector<std::pair<std::string, std::vector<std::vector<std::string>>>> appendices = {};
};

/// Writes it, with the processor and the command that makes it again.
void write_record(const Request& request, const Record& record);

/// "holds", "contradicted" or "not decided".
std::string verdict_of(const Finding& finding);

/// A number of steps; "never" where it is infinite.
std::string steps_text(double steps);

}  // namespace fanion::reproduce
