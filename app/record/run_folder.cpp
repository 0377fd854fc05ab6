#include "record/run_folder.h"

#include <c10/util/Exception.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <iterator>

#include "data/file_identity.h"
#include "data/json_text.h"
#include "data/open_file.h"
#include "fanion/version.h"
#include "record/atomic_file.h"
#include "record/machine.h"
#include "terminal/note.h"

namespace fanion::record {
namespace {

/// Of config.json: 0, without a number, had options alone, those of the GPT; 1 has the experiment's name and figure; 2
/// is of one pass in place of two, and of Muon in a dtype by shape and processor in place of float32.
constexpr int64_t kSchema = 2;

constexpr std::array<const char*, 3> kLogs = {"metrics.jsonl", "timings.jsonl", "observations.jsonl"};

}  // namespace

void create_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  TORCH_CHECK(!error, "cannot create the run folder ", folder.string(), ": ", error.message());
}

bool RunFolder::exists(const std::filesystem::path& folder) { return std::filesystem::exists(folder / "config.json"); }

RunFolder RunFolder::create(const std::filesystem::path& folder, const nlohmann::json& options,
                            const std::vector<std::string>& files, const nlohmann::json& experiment) {
  const auto check_free = [&] {
    TORCH_CHECK_VALUE(!exists(folder), folder.string(),
                      " already holds a run; continue it with --resume, or choose another --out");
  };
  check_free();
  nlohmann::json config = {{"schema", kSchema},
                           {"options", options},
                           {"version", kVersion},
                           {"commit", FANION_COMMIT},
                           {"machine", machine_facts()}};
  config.update(experiment);
  for (const auto& name : files) {
    const auto file = options.at(name).get<std::string>();
    if (!file.empty()) config["data"][name] = data::identity_of(file);
  }
  const auto text = config.dump(2) + "\n";
  const bool there = std::filesystem::exists(folder);
  create_folder(folder);
  try {
    RunFolder run(folder, std::move(config));
    run.lock();
    check_free();  // another process may have been faster
    write_atomically(run.config_file(), text);
    return run;
  } catch (...) {
    std::error_code ignored;
    if (!there) std::filesystem::remove(folder, ignored);  // where it is empty
    throw;
  }
}

RunFolder RunFolder::open(const std::filesystem::path& folder) {
  TORCH_CHECK_VALUE(exists(folder), folder.string(), " holds no run: there is no config.json");
  const auto file = folder / "config.json";
  auto config = data::read_json(file);
  TORCH_CHECK_VALUE(config.is_object() && config.contains("options"), file.string(), " is damaged: it has no options");
  if (config.contains("data"))
    for (const auto& recorded : config["data"])
      TORCH_CHECK_VALUE(config["data"].is_object() && recorded.is_object(), file.string(),
                        " is damaged: its data are no sizes and hashes of files");
  const auto schema = config.value("schema", nlohmann::json(0));
  TORCH_CHECK_VALUE(schema.is_number_integer() && schema >= 0 && schema <= kSchema, file.string(), " has the schema ",
                    data::shown(schema), "; this program knows those up to ", kSchema);
  return {folder, std::move(config)};
}

std::string RunFolder::experiment() const {
  const auto name = config_.value("experiment", nlohmann::json(config_.contains("schema") ? "" : "gpt"));
  TORCH_CHECK_VALUE(name.is_string() && !name.get_ref<const std::string&>().empty(), folder_.string(),
                    " is no run of an experiment");
  return name;
}

std::map<std::string, std::string> RunFolder::rule_defaults() const {
  if (config_.value("schema", 0) >= 2) return {};
  return {{"passes", "2"}, {"oversample", "4"}, {"ns_dtype", "float32"}};
}

void RunFolder::lock() {
  if (!lock_) lock_.emplace(folder_);
}

void RunFolder::check_data() const {
  if (!config_.contains("data")) return;
  for (const auto& [name, recorded] : config_["data"].items()) {
    const auto file = options().value(name, "");
    TORCH_CHECK_VALUE(!file.empty(), config_file().string(), " is damaged: its options name no file of ", name);
    check_identity(file, recorded);
  }
}

void RunFolder::check_start(const std::filesystem::path& checkpoint) const {
  TORCH_CHECK_VALUE(config_.contains("start"), config_file().string(), " is damaged: it does not tell what ",
                    checkpoint.string(), " was");
  check_identity(checkpoint, config_["start"]);
}

void RunFolder::check_identity(const std::filesystem::path& file, const nlohmann::json& recorded) const {
  const auto found = data::identity_of(file);
  TORCH_CHECK_VALUE(found == recorded, file.string(), ": not the file that this run was made with: ", found.dump(),
                    ", but ", config_file().string(), " has ", data::shown(recorded.value("bytes", nlohmann::json())),
                    " bytes and the hash ", data::shown(recorded.value("fnv1a64", nlohmann::json())),
                    "; put that file back, or begin a new run");
}

void RunFolder::keep_choice(const std::string& key, const nlohmann::json& choice) {
  const auto kept = config_.find(key);
  if (kept == config_.end()) {
    config_[key] = choice;
    write_atomically(config_file(), config_.dump(2) + "\n");
  } else if (*kept != choice) {
    terminal::note(c10::str(config_file().string(), " has ", key, " = ", data::shown(*kept), ", this machine takes ",
                            choice.dump(), ": the run goes on, but not to the bits of the machine that it began on"));
  }
}

void RunFolder::append(std::ofstream& log, const char* name, const nlohmann::json& line) {
  if (!log.is_open()) log.open(folder_ / name, std::ios::app);
  log << line.dump() << '\n' << std::flush;
  TORCH_CHECK(log.good(), "cannot write to ", (folder_ / name).string(), ": ", std::strerror(errno));
}

LogLines RunFolder::log(const char* name) const {
  const auto file = folder_ / name;
  if (!std::filesystem::exists(file)) return {};
  auto [in, size, shown_name] = data::open_file(file);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  return parse_log(text, shown_name);
}

void RunFolder::rewind(int64_t step) {
  for (auto* open : {&metrics_, &timings_, &observations_}) open->close();
  std::array<LogLines, kLogs.size()> logs;
  for (std::size_t i = 0; i < kLogs.size(); ++i) logs[i] = log(kLogs[i]);  // all are sound before one is changed
  for (std::size_t i = 0; i < kLogs.size(); ++i) {
    if (!std::filesystem::exists(folder_ / kLogs[i])) continue;
    if (!logs[i].dropped.empty()) terminal::note(logs[i].dropped);
    std::string kept;
    for (const auto& line : logs[i].lines)
      if (line["step"].get<int64_t>() <= step) kept += line.dump() + "\n";
    write_atomically(folder_ / kLogs[i], kept);
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
