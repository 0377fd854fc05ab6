#include <iostream>

#include "commands/command.h"
#include "experiments/gpt/sampling.h"
#include "record/run_folder.h"

namespace fanion::commands {
namespace {

struct SampleCommand {
  explicit SampleCommand(CLI::App& command) {
    command.add_option("run", run_path, "run folder")->required();
    command.add_option("--prompt", prompt, "text to go on from (models of bytes)");
    command.add_option("--length", options.length, "tokens to write")->capture_default_str();
    command.add_option("--temperature", options.temperature, "0: always the likeliest")->capture_default_str();
    command.add_option("--top-k,--top_k", options.top_k, "draw among the k likeliest; 0: all")->capture_default_str();
    command.add_option("--seed", options.seed, "seed of the drawing")->capture_default_str();
  }

  void run() const {
    std::cout << experiments::gpt::sample_run(record::RunFolder::open(run_path), prompt, options) << '\n';
  }

  std::string run_path, prompt;
  experiments::gpt::SampleOptions options;
};

}  // namespace

void add_sample(CLI::App& app) {
  auto* sample = app.add_subcommand("sample", "write text (token ids for shard models) from a run's checkpoint");
  auto command = std::make_shared<SampleCommand>(*sample);
  sample->callback([command] { command->run(); });
}

}  // namespace fanion::commands
