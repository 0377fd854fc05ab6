#include "experiments/cells.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <deque>
#include <fstream>
#include <map>
#include <thread>

#include "experiments/interrupt.h"
#include "experiments/registry.h"
#include "experiments/runner.h"
#include "terminal/progress.h"

namespace fanion::experiments {
namespace {

constexpr std::chrono::milliseconds kPoll{20};

/// Starts `fanion train NAME --resume FOLDER` with its output in FOLDER/output.txt. Returns its process.
pid_t start_training(const std::string& experiment, const std::filesystem::path& folder) {
  std::vector<std::string> words = {"/proc/self/exe", "train", experiment, "--resume", folder.string()};
  std::vector<char*> pointers;
  for (auto& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  const auto output = (folder / "output.txt").string();
  ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  ::posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  pid_t child = 0;
  const int error = ::posix_spawn(&child, pointers[0], &actions, nullptr, pointers.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  TORCH_CHECK(error == 0, "a training of ", folder.string(), " could not be started: ", std::strerror(error));
  return child;
}

std::string last_line(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::string last;
  for (std::string line; std::getline(in, line);)
    if (!line.empty()) last = line;
  return last;
}

/// The cell's run, made where it is not there yet.
record::RunFolder opened(const std::filesystem::path& folder, const Cell& cell) {
  if (!record::RunFolder::exists(folder)) return create_run(folder, *cell.experiment);
  auto run = record::RunFolder::open(folder);
  // An option that has come since has the value there that it began with.
  const auto same = [&] {
    if (run.experiment() != cell.experiment->name()) return false;
    const auto found = experiment_of(run);
    return found->run.rule_defaults == cell.experiment->run.rule_defaults &&
           found->values() == cell.experiment->values();
  };
  TORCH_CHECK_VALUE(same(), folder.string(), " holds a run of another configuration; choose another --out");
  return run;
}

void tell(const Cell& cell, const CellResult& result, std::size_t done, std::size_t all) {
  const auto outcome = result.failure.empty() ? terminal::loss_text(result.quantities.front()) + "  " +
                                                    terminal::clock_text(result.seconds)
                                              : result.failure;
  std::fprintf(stderr, "%3zu/%zu  %-24s  %s\n", done, all, cell.label.c_str(), outcome.c_str());
}

}  // namespace

std::string folder_name(const std::string& label) {
  auto name = label;
  for (auto& c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '-' && c != '.') c = '_';
  return name;
}

CellResult result_of(const record::RunFolder& run) {
  CellResult result{run.path(), 0, 0, 0, {}, ""};
  const auto quantities = experiment_of(run)->figure().quantities;
  for (const auto& line : run.metrics()) {
    if (!line.contains(quantities.front().key)) continue;
    result.step = line.at("step").get<int64_t>();
    result.quantities.clear();
    for (const auto& quantity : quantities) result.quantities.push_back(line.at(quantity.key).get<double>());
  }
  for (const auto& line : run.timings()) {
    if (line.at("step").get<int64_t>() != result.step) continue;
    result.seconds = line.at("seconds").get<double>();
    result.optimizer_seconds = line.at("optimizer_seconds").get<double>();
  }
  return result;
}

std::vector<CellResult> run_cells(const std::filesystem::path& top, const std::vector<Cell>& cells,
                                  const CellOptions& options) {
  TORCH_CHECK_VALUE(options.jobs >= 1, "--jobs ", options.jobs, " must be at least 1");
  std::vector<CellResult> results(cells.size());
  std::deque<std::size_t> waiting;
  std::size_t done = 0;
  const auto finished = [&](std::size_t i, CellResult result) {
    results[i] = std::move(result);
    tell(cells[i], results[i], ++done, cells.size());
  };
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const auto run = opened(top / cells[i].folder, cells[i]);
    auto result = result_of(run);
    if (result.step >= cells[i].experiment->run.steps)
      finished(i, std::move(result));
    else
      waiting.push_back(i);
  }
  std::map<pid_t, std::size_t> running;
  bool stopped = false;
  std::string failure;
  while (!running.empty() || (!waiting.empty() && !stopped && failure.empty())) {
    while (!waiting.empty() && !stopped && failure.empty() && running.size() < static_cast<std::size_t>(options.jobs)) {
      const auto i = waiting.front();
      waiting.pop_front();
      running[start_training(cells[i].experiment->name(), top / cells[i].folder)] = i;
    }
    if (interrupted() && !stopped) {
      stopped = true;
      // From a terminal they got the interrupt too; a second SIGINT would end them before they have saved.
      for (const auto& [child, i] : running) ::kill(child, SIGTERM);
    }
    int status = 0;
    const pid_t child = ::waitpid(-1, &status, WNOHANG);
    if (child <= 0) {
      std::this_thread::sleep_for(kPoll);
      continue;
    }
    const auto found = running.find(child);
    if (found == running.end()) continue;
    const auto i = found->second;
    running.erase(found);
    const auto folder = top / cells[i].folder;
    auto result = result_of(record::RunFolder::open(folder));
    if (result.step >= cells[i].experiment->run.steps) {
      finished(i, std::move(result));
    } else if (!stopped) {
      result.failure = last_line(folder / "output.txt");
      if (!options.keep_failures) failure = cells[i].label + ": " + result.failure;
      finished(i, std::move(result));
    }
  }
  if (stopped) throw Interrupted{};
  TORCH_CHECK(failure.empty(), failure);
  return results;
}

}  // namespace fanion::experiments
