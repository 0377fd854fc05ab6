#include <ATen/CPUGeneratorImpl.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "commands/command.h"
#include "record/run_folder.h"
#include "tasks/gpt_run.h"
#include "tasks/sampling.h"

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
    const auto model = tasks::trained_model(record::RunFolder::open(run_path));
    if (model.size().vocabulary == 256) {
      std::cout << prompt << tasks::sample_text(model, prompt, options) << '\n';
      return;
    }
    TORCH_CHECK_VALUE(prompt.empty(), "--prompt needs a model of bytes; ", run_path, " was trained on token shards");
    const auto tokens = tasks::sample_tokens(model, tasks::end_of_text(model), options);
    for (int64_t i = 0; i < tokens.numel(); ++i)
      std::cout << (i == 0 ? "" : " ") << tokens.const_data_ptr<int64_t>()[i];
    std::cout << '\n';
  }

  std::string run_path, prompt;
  tasks::SampleOptions options;
};

}  // namespace

void add_sample(CLI::App& app) {
  auto* sample = app.add_subcommand("sample", "write text (token ids for shard models) from a run's checkpoint");
  auto command = std::make_shared<SampleCommand>(*sample);
  sample->callback([command] { command->run(); });
}

}  // namespace fanion::commands
