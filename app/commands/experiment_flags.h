#pragma once

#include <CLI/CLI.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "experiments/registry.h"

namespace fanion::commands {

/// The flags of an experiment on a command: `--config FILE` first, then the flags given beside it.
class ExperimentFlags {
 public:
  /// --help does not list the flags called `hidden`, which the command refuses.
  ExperimentFlags(CLI::App& command, experiments::MakeExperiment make, const std::vector<std::string>& hidden = {});
  /// The experiment with its options as given, not yet resolved; --optimizer may bring its rate, "muon@0.04". Throws if
  /// the config file is unreadable, unknown to us or of another experiment.
  experiments::ExperimentPtr experiment() const;
  /// Throws if any of the flags (of those called `names`, if there are any) was given; `because` ends the sentence.
  void refuse(const std::string& because, const std::vector<std::string>& names = {}) const;
  /// Of the experiment.
  const std::string& name() const { return values_->name(); }

 private:
  experiments::MakeExperiment make_;
  experiments::ExperimentPtr values_;  ///< what CLI11 writes the flags to
  std::string config_;
  std::vector<std::pair<std::string, CLI::Option*>> given_;
};

/// A subcommand of `command` for each experiment, which runs a `Command` made of it; `help_of` says what it does.
template <class Command, class HelpOf>
void add_for_each_experiment(CLI::App& command, const HelpOf& help_of) {
  command.require_subcommand(1);
  for (const auto& make : experiments::registry()) {
    const auto experiment = make();
    auto* one = command.add_subcommand(experiment->name(), help_of(experiment->summary()));
    auto own = std::make_shared<Command>(*one, make);
    one->callback([own] { own->run(); });
  }
}

/// Throws unless `run` is of this experiment; `command` is what the other would be continued with.
void check_experiment(const record::RunFolder& run, const std::string& experiment, const std::string& command);

}  // namespace fanion::commands
