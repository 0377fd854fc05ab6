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
    command.add_option("--timeout", timeout, "seconds that the processes of a torchrun wait for one another")
        ->capture_default_str();
  }

  record::RunFolder folder(const processes::World& world) const {
    constexpr const char* kRefused = "refused";
    if (!world.is_first()) {
      const auto path = world.of_first("");
      TORCH_CHECK_VALUE(path != kRefused, "process 0 has refused the training and says why");
      return record::RunFolder::open(path);
    }
    try {
      auto own = own_folder(world.size());
      world.of_first(std::filesystem::absolute(own.path()).string());
      return own;
    } catch (const std::exception&) {
      world.of_first(kRefused);
      throw;
    }
  }

  record::RunFolder own_folder(int64_t processes) const {
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
    experiment->check_parts(processes);
    experiment->check_inputs();  // so that unusable data leave no folder behind
    const auto& optimizer = experiment->run.optimizer;
    const auto label = optimizer.substr(0, optimizer.find_first_of(":* "));
    const auto path = out.empty() ? record::RunFolder::fresh_name(label) : std::filesystem::path(out);
    return experiments::create_run(path, *experiment, processes);
  }

  void run() const {
    experiments::check_in_range<int64_t>("timeout", timeout, 1, 1'000'000);
    const auto launch = processes::launch_from_environment();
    if (!launch) return run_in({});
    try {
      run_in({*launch, timeout});
    } catch (c10::Error& error) {
      error.add_context(c10::str("process ", launch->rank, " of ", launch->size));
      throw;
    }
  }

  void run_in(const processes::World& world) const {
    auto run_folder = folder(world);
    const auto experiment = experiments::experiment_of(run_folder);
    experiments::catch_interrupts();
    const auto result = experiments::train(run_folder, terminal::TrainingProgress(experiment->run.optimizer, 0), world);
    if (!world.is_first()) {
      if (result.end == experiments::TrainingEnd::interrupted) throw Exit(130);
      return;
    }
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
  int64_t timeout = 600;
};

}  // namespace

void add_train(CLI::App& app) {
  auto* train = app.add_subcommand("train", "train in one of the experiments");
  add_for_each_experiment<TrainCommand>(*train, [](const std::string& summary) { return "train " + summary; });
}

}  // namespace fanion::commands
