#pragma once

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

namespace fanion::record {

/// Makes a folder and those above it. Throws with the system's reason.
void create_folder(const std::filesystem::path& folder);

/// A run on disk: `config.json` (resolved options, version, commit, CPU, threads), `metrics.jsonl` (what a rerun
/// reproduces bit for bit), `timings.jsonl` (what the clock said), `checkpoint.safetensors`, plots.
class RunFolder {
 public:
  /// A new run. Throws if the folder already holds one or cannot be written to; nothing is left behind then.
  static RunFolder create(const std::filesystem::path& folder, const nlohmann::json& options);
  /// An existing run. Throws if there is none, or its config cannot be read.
  static RunFolder open(const std::filesystem::path& folder);
  static bool exists(const std::filesystem::path& folder);

  const std::filesystem::path& path() const { return folder_; }
  const nlohmann::json& options() const { return config_.at("options"); }
  std::filesystem::path checkpoint() const { return folder_ / "checkpoint.safetensors"; }

  /// Appends one line to a log and hands it to the system at once.
  void append_metrics(const nlohmann::json& line) { append(metrics_, "metrics.jsonl", line); }
  void append_timings(const nlohmann::json& line) { append(timings_, "timings.jsonl", line); }
  /// Drops what both logs say of steps after `step`, and a half-written last line.
  void rewind(int64_t step);
  /// The lines of a log.
  std::vector<nlohmann::json> metrics() const { return lines("metrics.jsonl"); }
  std::vector<nlohmann::json> timings() const { return lines("timings.jsonl"); }

  /// runs/20261122-043501-muon, with a number added where that exists.
  static std::filesystem::path fresh_name(const std::string& label);

 private:
  RunFolder(std::filesystem::path folder, nlohmann::json config)
      : folder_(std::move(folder)), config_(std::move(config)) {}
  void append(std::ofstream& log, const char* name, const nlohmann::json& line);
  std::vector<nlohmann::json> lines(const char* name) const;

  std::filesystem::path folder_;
  nlohmann::json config_;
  std::ofstream metrics_, timings_;
};

}  // namespace fanion::record
