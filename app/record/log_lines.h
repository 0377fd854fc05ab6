#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace fanion::record {

struct LogLines {
  std::vector<nlohmann::json> lines;  ///< objects with an integer `step` of at least 0 and no null
  std::string dropped;                ///< what to say of half a last line; empty where it is whole
};

/// The lines of a log, metrics.jsonl or timings.jsonl. Half a last line, which a kill or a full disk leaves, is
/// dropped; any other line that is not as it should be throws, naming `source` and the line.
LogLines parse_log(std::string_view text, const std::string& source);

}  // namespace fanion::record
