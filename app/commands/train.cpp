#include <iostream>
#include <nlohmann/json.hpp>

#include "commands/command.h"
#include "commands/experiment_flags.h"
#include "experiments/interrupt.h"
#include "experiments/runner.h"
#include "record/run_folder.h"
#include "terminal/progress.h"
#include "terminal/table.h"

namespace fanion::commands {
namespace {

struct TrainCommand {
  TrainCommand(CLI::App& command, const experiments::MakeExperiment& make) : flags(command, make) {
    command.add_option("--out", out, "run folder to make (default: runs/TIME-OPTIMIZER)");
    command.add_option("--resume", resume, "run folder to go on with");
  }

  record::RunFolder folder() const {
    if (!resume.empty()) {
      TORCH_CHECK_VALUE(out.empty(), "--out cannot be given here: --resume goes on in the run's own folder");
      flags.refuse("--resume takes every option from the run's config.json");
      auto run = record::RunFolder::open(resume);
      check_experiment(run, flags.name(), "train");
      return run;
    }
    const auto experiment = flags.experiment();
    experiment->resolve();
    experiment->check();
    experiment->check_inputs();  // so that unusable data leave no folder behind
    const auto& optimizer = experiment->run.optimizer;
    const auto label = optimizer.substr(0, optimizer.find_first_of(":* "));
    const auto path = out.empty() ? record::RunFolder::fresh_name(label) : std::filesystem::path(out);
    return experiments::create_run(path, *experiment);
  }

  void run() const {
    auto run_folder = folder();
    const auto experiment = experiments::experiment_of(run_folder);
    experiments::catch_interrupts();
    const auto result = experiments::train(run_folder, terminal::TrainingProgress(experiment->run.optimizer, 0));
    if (result.end == experiments::TrainingEnd::interrupted) {
      std::cerr << "\nstopped and saved at step " << result.progress.step << "; go on with: fanion train "
                << flags.name() << " --resume " << run_folder.path().string() << '\n';
      throw Exit(130);
    }
    const auto steps = static_cast<double>(std::max<int64_t>(1, result.progress.step));
    std::cout << "validation loss " << terminal::loss_text(result.quantities.front()) << " after "
              << result.progress.step << " steps, " << terminal::fixed(1000 * result.progress.seconds / steps, 1)
              << " ms a step (" << terminal::fixed(1000 * result.progress.optimizer_seconds / steps, 1)
              << " ms in the optimizer)\nrun: " << run_folder.path().string() << '\n';
  }

  ExperimentFlags flags;
  std::string out, resume;
};

}  // namespace

void add_train(CLI::App& app) {
  auto* train = app.add_subcommand("train", "train in one of the experiments");
  add_for_each_experiment<TrainCommand>(*train, [](const std::string& summary) { return "train " + summary; });
}

}  // namespace fanion::commands
