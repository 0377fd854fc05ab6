#pragma once

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "record/log_lines.h"
#include "record/run_lock.h"

namespace fanion::record {

/// Makes a folder and those above it. Throws with the system's reason.
void create_folder(const std::filesystem::path& folder);

/// A run on disk: `config.json` (experiment, resolved options, what a plot needs, version, commit, CPU, size and hash
/// of the data), `metrics.jsonl` (what a rerun reproduces bit for bit), `timings.jsonl` (what the clock said),
/// `observations.jsonl` (what observers saw, where there are any), `checkpoint.safetensors`, plots; while a process
/// works on it, `lock`.
class RunFolder {
 public:
  /// A new run, held by this process. `files` are the options that name files or folders of data, "" for none: their
  /// sizes and hashes are recorded. `experiment` is what config.json says beside: {"experiment": name, "figure": …}, or
  /// nothing where no experiment is run. Throws if the folder already holds a run, is held by another process or cannot
  /// be written to; nothing is left behind then.
  static RunFolder create(const std::filesystem::path& folder, const nlohmann::json& options,
                          const std::vector<std::string>& files = {},
                          const nlohmann::json& experiment = nlohmann::json::object());
  /// An existing run. Throws if there is none, or its config cannot be read or has a later schema than this program's.
  static RunFolder open(const std::filesystem::path& folder);
  static bool exists(const std::filesystem::path& folder);

  const std::filesystem::path& path() const { return folder_; }
  /// Which experiment it is a run of; throws if of none.
  std::string experiment() const;
  /// What rules took, when this run began, for keys that its optimizer's text does not give (`norms::RuleDefaults`).
  std::map<std::string, std::string> rule_defaults() const;
  const nlohmann::json& options() const { return config_.at("options"); }
  std::filesystem::path checkpoint() const { return folder_ / "checkpoint.safetensors"; }

  /// Holds the folder for this process as long as this object lives. Throws if another process does.
  void lock();
  /// Throws, naming the file, if a file of data is not the one the run was made with. Runs of versions that recorded
  /// none pass.
  void check_data() const;
  /// Throws, naming it, if the checkpoint that the run is to start with is not the one it was made with.
  void check_start(const std::filesystem::path& checkpoint) const;

  /// Adds what this machine chose for the run to config.json, or says on the terminal that it differs from what is
  /// there: the run goes on then, not to the same bits.
  void keep_choice(const std::string& key, const nlohmann::json& choice);

  /// Appends one line to a log and hands it to the system at once.
  void append_metrics(const nlohmann::json& line) { append(metrics_, "metrics.jsonl", line); }
  void append_timings(const nlohmann::json& line) { append(timings_, "timings.jsonl", line); }
  void append_observations(const nlohmann::json& line) { append(observations_, "observations.jsonl", line); }
  /// Drops what the logs say of steps after `step`, and half a last line, saying so. Throws, naming file and line,
  /// if another one is damaged; nothing is changed then.
  void rewind(int64_t step);
  /// The lines of a log; see parse_log.
  std::vector<nlohmann::json> metrics() const { return log("metrics.jsonl").lines; }
  std::vector<nlohmann::json> timings() const { return log("timings.jsonl").lines; }
  std::vector<nlohmann::json> observations() const { return log("observations.jsonl").lines; }

  /// runs/20261122-043501-muon, with a number added where that exists.
  static std::filesystem::path fresh_name(const std::string& label);

 private:
  RunFolder(std::filesystem::path folder, nlohmann::json config)
      : folder_(std::move(folder)), config_(std::move(config)) {}
  void check_identity(const std::filesystem::path& file, const nlohmann::json& recorded) const;
  std::filesystem::path config_file() const { return folder_ / "config.json"; }
  void append(std::ofstream& log, const char* name, const nlohmann::json& line);
  LogLines log(const char* name) const;

  std::filesystem::path folder_;
  nlohmann::json config_;
  std::optional<RunLock> lock_;
  std::ofstream metrics_, timings_, observations_;
};

}  // namespace fanion::record
