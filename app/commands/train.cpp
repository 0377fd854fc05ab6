#include <iostream>
#include <nlohmann/json.hpp>

#include "commands/command.h"
#include "commands/gpt_flags.h"
#include "record/run_folder.h"
#include "tasks/gpt_run.h"
#include "tasks/gpt_training.h"
#include "tasks/interrupt.h"
#include "terminal/progress.h"
#include "terminal/table.h"

namespace fanion::commands {
namespace {

struct TrainCommand {
  explicit TrainCommand(CLI::App& command) : flags(command) {
    command.add_option("--out", out, "run folder to make (default: runs/TIME-OPTIMIZER)");
    command.add_option("--resume", resume, "run folder to go on with");
  }

  record::RunFolder folder() const {
    if (!resume.empty()) {
      TORCH_CHECK_VALUE(out.empty(), "--out cannot be given here: --resume goes on in the run's own folder");
      flags.refuse("--resume takes every option from the run's config.json");
      return record::RunFolder::open(resume);
    }
    const auto options = tasks::resolved(flags.options());
    tasks::check(options);
    tasks::load_data(options);  // so that unusable data leave no folder behind
    const auto label = options.optimizer.substr(0, options.optimizer.find_first_of(":* "));
    const auto path = out.empty() ? record::RunFolder::fresh_name(label) : std::filesystem::path(out);
    return record::RunFolder::create(path, tasks::to_json(options), tasks::kDataOptions);
  }

  void run() const {
    auto run_folder = folder();
    const auto optimizer = tasks::options_of(run_folder).optimizer;
    tasks::catch_interrupts();
    const auto result = tasks::train_gpt(run_folder, terminal::TrainingProgress(optimizer, 0));
    if (result.end == tasks::TrainingEnd::interrupted) {
      std::cerr << "\nstopped and saved at step " << result.progress.step << "; go on with: fanion train gpt --resume "
                << run_folder.path().string() << '\n';
      throw Exit{130};
    }
    const auto steps = static_cast<double>(std::max<int64_t>(1, result.progress.step));
    std::cout << "validation loss " << terminal::fixed(result.validation_loss, 4) << " after " << result.progress.step
              << " steps, " << terminal::fixed(1000 * result.progress.seconds / steps, 1) << " ms a step ("
              << terminal::fixed(1000 * result.progress.optimizer_seconds / steps, 1)
              << " ms in the optimizer)\nrun: " << run_folder.path().string() << '\n';
  }

  GptFlags flags;
  std::string out, resume;
};

}  // namespace

void add_train(CLI::App& app) {
  auto* train = app.add_subcommand("train", "train a model");
  train->require_subcommand(1);
  auto* gpt = train->add_subcommand("gpt", "train a GPT on text or token shards");
  auto command = std::make_shared<TrainCommand>(*gpt);
  gpt->callback([command] { command->run(); });
}

}  // namespace fanion::commands
