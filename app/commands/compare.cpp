#include <algorithm>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "commands/command.h"
#include "commands/comparison_report.h"
#include "commands/experiment_flags.h"
#include "commands/rule_at_rate.h"
#include "data/json_text.h"
#include "experiments/cells.h"
#include "experiments/interrupt.h"
#include "experiments/runner.h"
#include "experiments/tuned_rates.h"
#include "record/atomic_file.h"
#include "record/run_folder.h"
#include "record/run_lock.h"
#include "terminal/progress.h"

namespace fanion::commands {
namespace {

using experiments::TunedRate;

/// The label of a rule and its learning rate, 0 where none is given.
TunedRate parse_entry(const std::string& text, const std::vector<TunedRate>& tuned) {
  const auto [rule, lr] = parse_rule_at_rate(text);
  auto label = rule;
  for (const auto& known : tuned)
    if (known.optimizer == rule) label = known.label;
  return {label, rule, lr.value_or(0)};
}

/// Adds the rate to the label of a rule that is listed more than once.
void tell_apart(std::vector<TunedRate>& chosen) {
  std::map<std::string, int> count;
  for (const auto& entry : chosen) ++count[entry.label];
  for (auto& entry : chosen)
    if (count[entry.label] > 1) entry.label += c10::str("@", entry.lr);
}

/// --optimizers stands for these.
std::vector<std::string> of_one_optimizer() { return {"optimizer", "lr"}; }

struct CompareCommand {
  CompareCommand(CLI::App& command, const experiments::MakeExperiment& make)
      : flags(command, make, of_one_optimizer()) {
    command.add_option("--optimizers", optimizers,
                       "RULE or RULE@LEARNING_RATE each (default: those tuned for the experiment)");
    command.add_option("--out", out, "folder for all runs (default: runs/TIME-compare)");
    command.add_option("--resume", resume, "go on with the comparison in this folder");
  }

  /// The runs of the comparison in the folder `resume`.
  std::vector<ComparedRun> reopened(const std::filesystem::path& top) {
    TORCH_CHECK_VALUE(out.empty() && optimizers.empty(),
                      "--out and --optimizers cannot be given here: --resume goes on ", "with what the folder holds");
    flags.refuse("--resume takes every option from the folder's runs");
    const auto file = top / "comparison.json";
    TORCH_CHECK_VALUE(std::filesystem::exists(file), resume, " holds no comparison: there is no comparison.json");
    lock.emplace(top);
    const auto listed = data::read_json(file);
    TORCH_CHECK_VALUE(listed.is_array(), file.string(), " is damaged: it is no list of runs");
    std::vector<ComparedRun> entries;
    try {
      for (const auto& item : listed) {
        entries.push_back({{item.at("label"), item.at("optimizer"), item.at("lr")}, top / item.at("folder"), {}});
        // A comparison may be stopped before the last of its runs is made.
        if (!record::RunFolder::exists(entries.back().folder)) make_run(entries.back().folder, item.at("options"));
        check_experiment(record::RunFolder::open(entries.back().folder), flags.name(), "compare");
      }
    } catch (const nlohmann::json::exception&) {
      entries.clear();
    }
    TORCH_CHECK_VALUE(!entries.empty(), file.string(), " is damaged");
    return entries;
  }

  /// Makes the folder of a new comparison and every run in it.
  std::vector<ComparedRun> created(const std::filesystem::path& top) {
    flags.refuse("--optimizers takes RULE or RULE@LEARNING_RATE, several of them", of_one_optimizer());
    const auto& tuned = experiments::tuned_rates(flags.name());
    std::vector<TunedRate> chosen = optimizers.empty() ? tuned : std::vector<TunedRate>{};
    for (const auto& text : optimizers) chosen.push_back(parse_entry(text, tuned));
    TORCH_CHECK_VALUE(!chosen.empty(), "--optimizers is missing: no rates were tuned for ", flags.name());
    std::vector<nlohmann::json> options;
    for (auto& optimizer : chosen) {
      const auto own = flags.experiment();
      own->run.optimizer = optimizer.optimizer;
      own->run.lr = optimizer.lr;
      own->resolve();
      own->check();
      options.push_back(own->values());
      optimizer.lr = own->run.lr;
      if (options.size() == 1) own->check_inputs();  // the same for all; unusable data leave no folder behind
    }
    tell_apart(chosen);
    TORCH_CHECK_VALUE(!std::filesystem::exists(top / "comparison.json"), top.string(),
                      " already holds a comparison; continue it with --resume, or choose another --out");
    std::set<std::string> names;
    for (const auto& optimizer : chosen) {
      const auto name = experiments::folder_name(optimizer.label);
      TORCH_CHECK_VALUE(names.insert(name).second, "--optimizers lists ", optimizer.label, " twice");
      TORCH_CHECK_VALUE(!record::RunFolder::exists(top / name), (top / name).string(),
                        " already holds a run; choose another --out");
    }
    std::vector<ComparedRun> entries;
    auto listed = nlohmann::json::array();
    for (std::size_t i = 0; i < chosen.size(); ++i) {
      const auto name = experiments::folder_name(chosen[i].label);
      entries.push_back({chosen[i], top / name, {}});
      listed.push_back({{"label", chosen[i].label},
                        {"optimizer", chosen[i].optimizer},
                        {"lr", chosen[i].lr},
                        {"folder", name},
                        {"options", options[i]}});
    }
    record::create_folder(top);
    lock.emplace(top);
    record::write_atomically(top / "comparison.json", listed.dump(2) + "\n");
    for (std::size_t i = 0; i < entries.size(); ++i) make_run(entries[i].folder, options[i]);
    return entries;
  }

  /// Makes the folder of a run of resolved options.
  void make_run(const std::filesystem::path& folder, const nlohmann::json& options) const {
    const auto experiment = experiments::experiment_by_name(flags.name());
    experiments::update_from_json(experiment->options(), options, folder.string());
    experiments::create_run(folder, *experiment);
  }

  void run() {
    const std::filesystem::path top = !resume.empty() ? resume
                                      : !out.empty()  ? out
                                                      : record::RunFolder::fresh_name("compare").string();
    auto entries = resume.empty() ? created(top) : reopened(top);
    std::size_t width = 0;
    for (const auto& entry : entries) width = std::max(width, entry.optimizer.label.size());
    experiments::catch_interrupts();
    for (auto& entry : entries) {
      auto folder = record::RunFolder::open(entry.folder);
      entry.result = experiments::train(folder, terminal::TrainingProgress(entry.optimizer.label, width));
      if (entry.result.end == experiments::TrainingEnd::finished) continue;
      std::cerr << "\nstopped and saved; go on with: fanion compare " << flags.name() << " --resume " << top.string()
                << '\n';
      throw Exit(130);
    }
    report_comparison(top, entries);
  }

  ExperimentFlags flags;
  std::vector<std::string> optimizers;
  std::string out, resume;
  std::optional<record::RunLock> lock;  ///< of the whole comparison
};

}  // namespace

void add_compare(CLI::App& app) {
  auto* compare = app.add_subcommand("compare", "train with several optimizers and show how they compare");
  add_for_each_experiment<CompareCommand>(
      *compare, [](const std::string& summary) { return summary + ": same seed, batches and steps for each"; });
}

}  // namespace fanion::commands
