#pragma once

#include <CLI/CLI.hpp>
#include <exception>

/// One function per command, each in a file of its own name: it adds the command and runs it from its callback.
namespace fanion::commands {

/// Ends the program with this exit status from inside a command.
struct Exit : std::exception {
  explicit Exit(int with) : status(with) {}
  int status;
};

void add_train(CLI::App& app);
void add_compare(CLI::App& app);
void add_sample(CLI::App& app);
void add_plot(CLI::App& app);
void add_rules(CLI::App& app);
void add_svd(CLI::App& app);
void add_balls(CLI::App& app);
void add_theory(CLI::App& app);
void add_estimate(CLI::App& app);
void add_data(CLI::App& app);
void add_sweep(CLI::App& app);
void add_tune(CLI::App& app);
void add_reproduce(CLI::App& app);
void add_export(CLI::App& app);
void add_scaling(CLI::App& app);

}  // namespace fanion::commands
