#include <algorithm>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "commands/command.h"
#include "commands/gpt_flags.h"
#include "commands/rule_at_rate.h"
#include "data/json_text.h"
#include "record/atomic_file.h"
#include "record/plotting.h"
#include "record/run_folder.h"
#include "record/run_lock.h"
#include "tasks/gpt_run.h"
#include "tasks/gpt_training.h"
#include "tasks/interrupt.h"
#include "tasks/sampling.h"
#include "tasks/tuned_rates.h"
#include "terminal/progress.h"
#include "terminal/table.h"

namespace fanion::commands {
namespace {

using tasks::TunedRate;
using terminal::fixed;

struct Entry {
  TunedRate optimizer;
  std::filesystem::path folder;
  tasks::TrainingResult result;
};

/// The label of a rule and its learning rate, 0 where none is given.
TunedRate parse_entry(const std::string& text) {
  const auto [rule, lr] = parse_rule_at_rate(text);
  auto label = rule;
  for (const auto& known : tasks::tuned_rates())
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

std::string folder_name(const std::string& label) {
  auto name = label;
  for (auto& c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '-' && c != '.') c = '_';
  return name;
}

/// --optimizers stands for these.
const std::vector<std::string> kOneOptimizer = {"optimizer", "lr"};

struct CompareCommand {
  explicit CompareCommand(CLI::App& command) : flags(command, kOneOptimizer) {
    command.add_option("--optimizers", optimizers, "RULE or RULE@LEARNING_RATE each (default: the seven of the demo)");
    command.add_option("--out", out, "folder for all runs (default: runs/TIME-compare)");
    command.add_option("--resume", resume, "go on with the comparison in this folder");
  }

  /// The runs of the comparison in the folder `resume`.
  std::vector<Entry> reopened(const std::filesystem::path& top) {
    TORCH_CHECK_VALUE(out.empty() && optimizers.empty(),
                      "--out and --optimizers cannot be given here: --resume goes on ", "with what the folder holds");
    flags.refuse("--resume takes every option from the folder's runs");
    const auto file = top / "comparison.json";
    TORCH_CHECK_VALUE(std::filesystem::exists(file), resume, " holds no comparison: there is no comparison.json");
    lock.emplace(top);
    const auto listed = data::read_json(file);
    TORCH_CHECK_VALUE(listed.is_array(), file.string(), " is damaged: it is no list of runs");
    std::vector<Entry> entries;
    try {
      for (const auto& item : listed) {
        entries.push_back({{item.at("label"), item.at("optimizer"), item.at("lr")}, top / item.at("folder"), {}});
        // A comparison may be stopped before the last of its runs is made.
        if (!record::RunFolder::exists(entries.back().folder))
          record::RunFolder::create(entries.back().folder, item.at("options"), tasks::kDataOptions);
      }
    } catch (const nlohmann::json::exception&) {
      entries.clear();
    }
    TORCH_CHECK_VALUE(!entries.empty(), file.string(), " is damaged");
    return entries;
  }

  /// Makes the folder of a new comparison and every run in it.
  std::vector<Entry> created(const std::filesystem::path& top) {
    flags.refuse("--optimizers takes RULE or RULE@LEARNING_RATE, several of them", kOneOptimizer);
    std::vector<TunedRate> chosen = optimizers.empty() ? tasks::tuned_rates() : std::vector<TunedRate>{};
    for (const auto& text : optimizers) chosen.push_back(parse_entry(text));
    const auto common = flags.options();
    std::vector<nlohmann::json> options;
    for (auto& optimizer : chosen) {
      auto own = common;
      own.optimizer = optimizer.optimizer;
      own.lr = optimizer.lr;
      own = tasks::resolved(own);
      tasks::check(own);
      options.push_back(tasks::to_json(own));
      optimizer.lr = own.lr;
      if (options.size() == 1) tasks::load_data(own);  // the same for all; unusable data leave no folder behind
    }
    tell_apart(chosen);
    TORCH_CHECK_VALUE(!std::filesystem::exists(top / "comparison.json"), top.string(),
                      " already holds a comparison; continue it with --resume, or choose another --out");
    std::set<std::string> names;
    for (const auto& optimizer : chosen) {
      const auto name = folder_name(optimizer.label);
      TORCH_CHECK_VALUE(names.insert(name).second, "--optimizers lists ", optimizer.label, " twice");
      TORCH_CHECK_VALUE(!record::RunFolder::exists(top / name), (top / name).string(),
                        " already holds a run; choose another --out");
    }
    std::vector<Entry> entries;
    auto listed = nlohmann::json::array();
    for (std::size_t i = 0; i < chosen.size(); ++i) {
      const auto name = folder_name(chosen[i].label);
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
    for (std::size_t i = 0; i < entries.size(); ++i)
      record::RunFolder::create(entries[i].folder, options[i], tasks::kDataOptions);
    return entries;
  }

  void run() {
    const std::filesystem::path top = !resume.empty() ? resume
                                      : !out.empty()  ? out
                                                      : record::RunFolder::fresh_name("compare").string();
    auto entries = resume.empty() ? created(top) : reopened(top);
    std::size_t width = 0;
    for (const auto& entry : entries) width = std::max(width, entry.optimizer.label.size());
    tasks::catch_interrupts();
    for (auto& entry : entries) {
      auto folder = record::RunFolder::open(entry.folder);
      entry.result = tasks::train_gpt(folder, terminal::TrainingProgress(entry.optimizer.label, width));
      if (entry.result.end == tasks::TrainingEnd::finished) continue;
      std::cerr << "\nstopped and saved; go on with: fanion compare gpt --resume " << top.string() << '\n';
      throw Exit{130};
    }
    report(top, entries);
  }

  static void report(const std::filesystem::path& top, const std::vector<Entry>& entries) {
    std::vector<std::vector<std::string>> rows = {
        {"optimizer", "lr", "val loss", "ms/step", "ms optimizer", "state bytes/param"}};
    std::vector<std::filesystem::path> folders;
    const auto* best = &entries.front();
    for (const auto& entry : entries) {
      const auto& r = entry.result;
      const auto steps = static_cast<double>(r.progress.step);
      rows.push_back({entry.optimizer.label, c10::str(entry.optimizer.lr), fixed(r.validation_loss, 4),
                      fixed(1000 * r.progress.seconds / steps, 1),
                      fixed(1000 * r.progress.optimizer_seconds / steps, 1), fixed(r.state_bytes_per_parameter, 2)});
      folders.push_back(entry.folder);
      if (r.validation_loss < best->result.validation_loss) best = &entry;
    }
    const auto text = terminal::table(rows);
    record::write_atomically(top / "table.txt", text);
    std::cout << '\n' << text << '\n';
    std::cout << "A sample from " << best->optimizer.label << ":\n"
              << tasks::sample_run(record::RunFolder::open(best->folder), "", {}) << "\n\n";
    record::plot_runs(folders, top / "compare.png");
    std::cout << "plot: " << (top / "compare.png").string() << "\nruns: " << top.string() << '\n';
  }

  GptFlags flags;
  std::vector<std::string> optimizers;
  std::string out, resume;
  std::optional<record::RunLock> lock;  ///< of the whole comparison
};

}  // namespace

void add_compare(CLI::App& app) {
  auto* compare = app.add_subcommand("compare", "train with several optimizers and show how they compare");
  compare->require_subcommand(1);
  auto* gpt = compare->add_subcommand("gpt", "a GPT: same seed, same batches, same steps for each");
  auto command = std::make_shared<CompareCommand>(*gpt);
  gpt->callback([command] { command->run(); });
}

}  // namespace fanion::commands
