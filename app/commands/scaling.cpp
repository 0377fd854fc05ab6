#include <c10/util/Exception.h>

#include <iostream>

#include "commands/command.h"
#include "record/plotting.h"

namespace fanion::commands {
namespace {

constexpr int64_t kMostProcesses = 1'000'000, kMostTriplets = 768;  // the shorter side of the smallest model's matrices

struct ScalingCommand {
  explicit ScalingCommand(CLI::App& command) {
    command.add_option("--processes", processes, "numbers of processes, a row of each model's")->capture_default_str();
    command.add_option("--k", k, "triplets of the low-rank rules")->capture_default_str();
    command.add_option("--out", out, "PNG to write")->capture_default_str();
  }

  void run() const {
    for (const auto p : processes)
      TORCH_CHECK_VALUE(p >= 2 && p <= kMostProcesses, "--processes ", p, " must lie in 2 to ", kMostProcesses);
    TORCH_CHECK_VALUE(k >= 1 && k <= kMostTriplets, "--k ", k, " must lie in 1 to ", kMostTriplets);
    record::plot_scaling(processes, k, out);
    std::cout << "plot: " << out << '\n';
  }

  std::vector<int64_t> processes = {8, 64, 1024, 10000};
  int64_t k = 8;
  std::string out = "scaling.png";
};

}  // namespace

void add_scaling(CLI::App& app) {
  auto* scaling =
      app.add_subcommand("scaling", "megabytes that each process of a training sends a step, and a picture");
  auto command = std::make_shared<ScalingCommand>(*scaling);
  scaling->callback([command] { command->run(); });
}

}  // namespace fanion::commands
