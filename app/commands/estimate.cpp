#include <iostream>
#include <nlohmann/json.hpp>

#include "commands/command.h"
#include "experiments/run_estimate.h"
#include "record/atomic_file.h"
#include "record/run_folder.h"
#include "terminal/table.h"

namespace fanion::commands {
namespace {

struct EstimateCommand {
  explicit EstimateCommand(CLI::App& command) {
    command.add_option("run", run_path, "run folder")->required();
    command.add_option("--norm", options.norm, "norm to measure in (default: that of the run's optimizer)");
    command.add_option("--batches", options.batches, "batches for sigma, an even number")->capture_default_str();
    command
        .add_option("--smoothness-batches,--smoothness_batches", options.smoothness_batches,
                    "batches whose mean gradient is differenced for L")
        ->capture_default_str();
    command.add_option("--directions", options.directions, "random directions for L, beside the LMO's")
        ->capture_default_str();
    command.add_option("--step", options.step, "length of a difference in the norm (default: the learning rate)");
    command
        .add_option("--walk", options.walk,
                    "LMO steps from halfway to the checkpoint and from it, along which L0 and L1 are fitted; 0: none")
        ->capture_default_str();
    command.add_option("--quantile", options.quantile, "share of the walk's slopes below L0 + L1 |grad|_dual")
        ->capture_default_str();
    command.add_option("--eps", options.eps, "of Lemma 7's step size (default: half of each |grad|_dual)");
    command.add_option("--seed", options.seed, "of batches and directions (default: the run's)");
  }

  void run() const {
    const auto folder = record::RunFolder::open(run_path);
    const auto estimate = experiments::estimate_run(folder, options);
    const auto file = folder.path() / "estimate.json";
    record::write_atomically(file, estimate.dump(1) + "\n");

    const auto& whole = estimate.at("whole");
    const auto number = [](const nlohmann::json& x) {
      return terminal::significant(x.is_null() ? std::nan("") : x.get<double>());
    };
    const auto& lmo = whole.at("L_along_lmo");
    const auto& random = whole.at("L_along_random");
    std::cout << "step " << estimate.at("checkpoint_step") << ", norm " << estimate.at("norm").get<std::string>()
              << ", adjust_lr_fn " << estimate.at("adjust_lr_fn").get<std::string>() << "; sigma from "
              << options.batches << " batches of " << estimate.at("work_per_batch").get<int64_t>() << " "
              << estimate.at("unit").get<std::string>() << ", L from " << options.smoothness_batches
              << " at a distance of " << number(estimate.at("step")) << "; seed " << estimate.at("seed") << "\n\n"
              << experiments::estimate_table(estimate) << '\n'
              << steps_text(estimate, number) << "L is seen from below: no direction tried was steeper. "
              << "The loss is " << number(estimate.at("loss")) << ", an upper bound on delta0.\nfanion theory --L "
              << number(lmo.is_null() || random > lmo ? random : lmo) << " --rho " << number(whole.at("rho"))
              << " --sigma " << terminal::significant(std::sqrt(whole.at("sigma_squared").get<double>()))
              << " --delta0 " << number(estimate.at("loss")) << " --eps ...\nestimate: " << file.string() << '\n';
  }

  /// The step sizes, where there was a walk.
  std::string steps_text(const nlohmann::json& estimate, const auto& number) const {
    if (options.walk == 0) return "";
    return experiments::step_size_table(estimate) +
           "\n|grad(Y) - grad(X)|_dual <= (L0 + L1 |grad(X)|_dual) |Y - X|: the line that " + number(options.quantile) +
           " of the slopes of\n" + std::to_string(options.walk) +
           " steps from halfway to the checkpoint and as many from it lie below; how many lie above, and by what "
           "factor "
           "at most.\nstep = |grad|_dual/(L0 + L1 |grad|_dual) (Gluon), beside Lemma 7's for |grad|_dual <= eps; the "
           "run steps by its lr.\n\n";
  }

  std::string run_path;
  experiments::EstimateOptions options;
};

}  // namespace

void add_estimate(CLI::App& app) {
  auto* estimate = app.add_subcommand("estimate", "gradient noise and smoothness at a run's checkpoint");
  auto command = std::make_shared<EstimateCommand>(*estimate);
  estimate->callback([command] { command->run(); });
}

}  // namespace fanion::commands
