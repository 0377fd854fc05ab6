#include "record/run_folder.h"

#include <c10/util/Exception.h>

#include <ctime>

#include "fanion/version.h"
#include "record/atomic_file.h"
#include "record/machine.h"

namespace fanion::record {

void create_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  TORCH_CHECK(!error, "cannot create the run folder ", folder.string(), ": ", error.message());
}

bool RunFolder::exists(const std::filesystem::path& folder) { return std::filesystem::exists(folder / "config.json"); }

RunFolder RunFolder::create(const std::filesystem::path& folder, const nlohmann::json& options) {
  TORCH_CHECK_VALUE(!exists(folder), folder.string(),
                    " already holds a run; continue it with --resume, or choose another --out");
  create_folder(folder);
  nlohmann::json config = {
      {"options", options}, {"version", kVersion}, {"commit", FANION_COMMIT}, {"machine", machine_facts()}};
  write_atomically(folder / "config.json", config.dump(2) + "\n");
  return {folder, std::move(config)};
}

RunFolder RunFolder::open(const std::filesystem::path& folder) {
  TORCH_CHECK_VALUE(exists(folder), folder.string(), " holds no run: there is no config.json");
  std::ifstream in(folder / "config.json");
  auto config = nlohmann::json::parse(in, nullptr, /*allow_exceptions=*/false);
  TORCH_CHECK_VALUE(config.is_object() && config.contains("options"), (folder / "config.json").string(), " is damaged");
  return {folder, std::move(config)};
}

void RunFolder::append(std::ofstream& log, const char* name, const nlohmann::json& line) {
  if (!log.is_open()) log.open(folder_ / name, std::ios::app);
  log << line.dump() << '\n' << std::flush;
  TORCH_CHECK(log.good(), "cannot write to ", (folder_ / name).string());
}

std::vector<nlohmann::json> RunFolder::lines(const char* name) const {
  std::vector<nlohmann::json> parsed;
  std::ifstream in(folder_ / name);
  for (std::string line; std::getline(in, line);) {
    auto json = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (json.is_object() && json.contains("step")) parsed.push_back(std::move(json));
  }
  return parsed;
}

void RunFolder::rewind(int64_t step) {
  metrics_.close();
  timings_.close();
  for (const auto* name : {"metrics.jsonl", "timings.jsonl"}) {
    if (!std::filesystem::exists(folder_ / name)) continue;
    std::string kept;
    for (const auto& line : lines(name))
      if (line["step"].get<int64_t>() <= step) kept += line.dump() + "\n";
    write_atomically(folder_ / name, kept);
  }
}

std::filesystem::path RunFolder::fresh_name(const std::string& label) {
  const auto now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  std::array<char, 32> stamp{};
  std::strftime(stamp.data(), stamp.size(), "%Y%m%d-%H%M%S-", &local);
  const auto base = std::filesystem::path("runs") / (stamp.data() + label);
  auto name = base;
  for (int i = 2; std::filesystem::exists(name); ++i) name = base.string() + "-" + std::to_string(i);
  return name;
}

}  // namespace fanion::record
