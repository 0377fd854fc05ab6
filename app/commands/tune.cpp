#include <iostream>
#include <nlohmann/json.hpp>

#include "commands/command.h"
#include "commands/experiment_flags.h"
#include "experiments/interrupt.h"
#include "experiments/tuning.h"
#include "record/atomic_file.h"
#include "terminal/progress.h"
#include "terminal/table.h"

namespace fanion::commands {
namespace {

struct TuneCommand {
  TuneCommand(CLI::App& command, const experiments::MakeExperiment& make) : flags(command, make) {
    command.add_option("--optimizers", optimizers, "rules (default: those that compare compares)");
    command.add_option("--first-rate,--first_rate", start, "first rate of a rule that has none yet")
        ->capture_default_str();
    command.add_option("--jobs", options.jobs, "trainings at a time, with --threads each")->capture_default_str();
    command.add_option("--out", out, "folder for all runs; what is finished there is not run again")->required();
  }

  void run() const {
    flags.refuse("tune finds the rate of each of --optimizers", {"optimizer", "lr"});
    TORCH_CHECK_VALUE(start > 0, "--first-rate ", start, " must be positive");
    auto rules = experiments::tuned_rates(flags.name());
    if (!optimizers.empty()) {
      std::vector<experiments::TunedRate> chosen;
      for (const auto& rule : optimizers) {
        const auto known = std::find_if(rules.begin(), rules.end(), [&](const auto& r) { return r.optimizer == rule; });
        chosen.push_back(known == rules.end() ? experiments::TunedRate{rule, rule, 0} : *known);
      }
      rules = chosen;
    }
    TORCH_CHECK_VALUE(!rules.empty(), "--optimizers is missing: no rates were tuned for ", flags.name());
    experiments::catch_interrupts();
    std::vector<experiments::TunedRule> tuned;
    try {
      tuned = experiments::tune_rates(out, rules, start, [&](const auto&) { return flags.experiment(); }, options);
    } catch (const experiments::Interrupted&) {
      std::cerr << "stopped and saved; go on with the same command\n";
      throw Exit(130);
    }
    auto rates = nlohmann::json::array();
    std::vector<std::vector<std::string>> rows = {{"optimizer", "chosen", "rate: loss"}};
    for (const auto& rule : tuned) {
      std::string tried;
      for (const auto& [rate, loss] : rule.losses)
        tried += (tried.empty() ? "" : ", ") + c10::str(rate) + ": " + terminal::loss_text(loss);
      rows.push_back({rule.best.label, c10::str(rule.best.lr), tried});
      rates.push_back({{"label", rule.best.label}, {"optimizer", rule.best.optimizer}, {"lr", rule.best.lr}});
    }
    const auto file = std::filesystem::path(out) / "tuned_rates.json";
    record::write_atomically(file, nlohmann::json{{"optimizers", rates}}.dump(2) + "\n");
    std::cout << terminal::table(rows) << "rates: " << file.string() << '\n';
  }

  ExperimentFlags flags;
  std::vector<std::string> optimizers;
  double start = 0.02;
  experiments::CellOptions options;
  std::string out;
};

}  // namespace

void add_tune(CLI::App& app) {
  auto* tune = app.add_subcommand("tune", "find the learning rate of each optimizer in an experiment");
  add_for_each_experiment<TuneCommand>(*tune, [](const std::string& summary) { return summary; });
}

}  // namespace fanion::commands
