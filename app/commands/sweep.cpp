#include <iostream>
#include <map>
#include <nlohmann/json.hpp>

#include "commands/command.h"
#include "commands/experiment_flags.h"
#include "commands/rule_at_rate.h"
#include "experiments/cells.h"
#include "experiments/interrupt.h"
#include "record/atomic_file.h"
#include "terminal/progress.h"
#include "terminal/table.h"

namespace fanion::commands {
namespace {

/// "lr=0.01,0.02" → the option and its values.
std::pair<std::string, std::vector<std::string>> parse_axis(const std::string& text) {
  const auto equals = text.find('=');
  TORCH_CHECK_VALUE(equals != std::string::npos && equals > 0 && equals + 1 < text.size(), "'", text,
                    "': expected OPTION=VALUE,VALUE,…");
  auto name = text.substr(0, equals);
  std::replace(name.begin(), name.end(), '-', '_');
  std::vector<std::string> values;
  // Rules have commas of their own: "muon,fanion:k=2;svd=dense" would be ambiguous, so they are split at '|' if there
  // is one.
  const char separator = text.find('|') == std::string::npos ? ',' : '|';
  for (std::size_t begin = equals + 1; begin <= text.size();) {
    const auto end = std::min(text.find(separator, begin), text.size());
    values.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return {name, values};
}

/// An option's value as JSON of the type it has.
nlohmann::json typed(const nlohmann::json& like, const std::string& name, const std::string& text) {
  if (like.is_string()) return text;
  const auto value = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  TORCH_CHECK_VALUE(!value.is_discarded(), "'", text, "' cannot be --", name);
  return value;
}

struct SweepCommand {
  SweepCommand(CLI::App& command, const experiments::MakeExperiment& make) : flags(command, make) {
    command
        .add_option("--over", axes, "OPTION=VALUE,VALUE,… each ('|' between values that have commas): all combinations")
        ->required();
    command.add_option("--jobs", options.jobs, "trainings at a time, with --threads each")->capture_default_str();
    command.add_option("--out", out, "folder for all runs; what is finished there is not run again")->required();
  }

  /// Every combination, the last axis fastest.
  std::vector<experiments::Cell> cells() const {
    std::vector<std::pair<std::string, nlohmann::json>> combinations = {{"", nlohmann::json::object()}};
    for (const auto& axis : axes) {
      const auto [name, values] = parse_axis(axis);
      const auto known = flags.experiment()->values();
      TORCH_CHECK_VALUE(known.contains(name), "--over: unknown option '", name, "' of ", flags.name());
      std::vector<std::pair<std::string, nlohmann::json>> longer;
      for (const auto& [label, chosen] : combinations)
        for (const auto& value : values) {
          auto more = chosen;
          more[name] = typed(known[name], name, value);
          longer.emplace_back(c10::str(label, label.empty() ? "" : " ", name, "=", value), std::move(more));
        }
      combinations = std::move(longer);
    }
    std::vector<experiments::Cell> cells;
    for (const auto& [label, chosen] : combinations) {
      auto experiment = flags.experiment();
      auto split = chosen;
      split_rate(split, "--over");
      experiments::update_from_json(experiment->options(), split, "--over");
      experiment->resolve();
      experiment->check();
      if (cells.empty()) experiment->check_inputs();
      cells.push_back({label, experiments::folder_name(label), std::move(experiment)});
    }
    return cells;
  }

  void run() const {
    const auto all = cells();
    experiments::catch_interrupts();
    std::vector<experiments::CellResult> results;
    try {
      auto kept = options;
      kept.keep_failures = true;
      results = experiments::run_cells(out, all, kept);
    } catch (const experiments::Interrupted&) {
      std::cerr << "stopped and saved; go on with the same command\n";
      throw Exit(130);
    }
    std::vector<std::vector<std::string>> rows = {{"run"}};
    for (const auto& quantity : all.front().experiment->figure().quantities) rows.front().push_back(quantity.column);
    rows.front().emplace_back("seconds");
    for (std::size_t i = 0; i < all.size(); ++i) {
      rows.push_back({all[i].label});
      for (std::size_t q = 1; q + 1 < rows.front().size(); ++q)
        rows.back().push_back(results[i].failure.empty() ? terminal::loss_text(results[i].quantities[q - 1])
                                                         : "failed");
      rows.back().push_back(terminal::fixed(results[i].seconds, 1));
    }
    const auto text = terminal::table(rows);
    record::write_atomically(std::filesystem::path(out) / "table.txt", text);
    std::cout << text << "runs: " << out << '\n';
  }

  ExperimentFlags flags;
  std::vector<std::string> axes;
  experiments::CellOptions options;
  std::string out;
};

}  // namespace

void add_sweep(CLI::App& app) {
  auto* sweep = app.add_subcommand("sweep", "train an experiment over all combinations of some options");
  add_for_each_experiment<SweepCommand>(*sweep, [](const std::string& summary) { return summary; });
}

}  // namespace fanion::commands
