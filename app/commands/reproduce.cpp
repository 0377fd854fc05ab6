#include "reproduce/reproduction.h"

#include <c10/util/Exception.h>

#include <iostream>
#include <thread>

#include "commands/command.h"
#include "experiments/cells.h"
#include "experiments/interrupt.h"
#include "terminal/table.h"

namespace fanion::commands {
namespace {

struct ReproduceCommand {
  explicit ReproduceCommand(CLI::App& command) {
    command.add_option("name", names, "what to make again; several, or 'all'");
    command.add_flag("--list", list, "what there is, with the time it takes on 2 cores, whole and quick");
    command.add_flag("--quick", request.quick, "a cut of it in about a minute");
    command.add_option("--device", request.device, "cpu, cuda, ...")->capture_default_str();
    command.add_option("--jobs", request.jobs, "small trainings at a time")->capture_default_str();
    command.add_option(
        "--data", request.data,
        "folder of CIFAR-10 for fig-2, mlp, cnn and batch-size (fanion data --help); a text for fig-4 and "
        "fig-ef, and for finetune to begin with");
    command.add_option("--epochs", request.epochs, "epochs of a training on images; 0: as many as the figure has")
        ->capture_default_str();
    command.add_option("--steps", request.steps, "steps of a training of a GPT; 0: as many as the figure has")
        ->capture_default_str();
    command.add_option("--seeds", request.seeds, "seeds of each training; 0: as many as the figure has")
        ->capture_default_str();
    command.add_option("--out", out, "folder to write to; what is finished there is not run again")
        ->capture_default_str();
  }

  void run() {
    if (list || names.empty()) {
      TORCH_CHECK_VALUE(list, "a name is missing; fanion reproduce --list has them");
      std::vector<std::vector<std::string>> rows = {{"name", "what", "source", "time, quick"}};
      for (const auto& r : reproduce::reproductions()) rows.push_back({r.name, r.what, r.source, r.time});
      std::cout << terminal::table(rows);
      return;
    }
    std::vector<const reproduce::Reproduction*> chosen;
    for (const auto& name : names) {
      if (name == "all")
        for (const auto& r : reproduce::reproductions()) chosen.push_back(&r);
      else
        chosen.push_back(&reproduce::reproduction_by_name(name));
    }
    TORCH_CHECK_VALUE(request.jobs >= 1, "--jobs ", request.jobs, " must be at least 1");
    experiments::check_in_range("epochs", request.epochs, 0.0, 1e6);
    experiments::check_in_range<int64_t>("seeds", request.seeds, 0, 1000);
    experiments::check_in_range<int64_t>("steps", request.steps, 0, 1'000'000'000);
    experiments::catch_interrupts();
    for (const auto* reproduction : chosen) {
      auto own = request;
      own.out = std::filesystem::path(out) / (reproduction->name + (request.quick ? "-quick" : ""));
      std::cout << "# " << reproduction->name << ": " << reproduction->what << '\n' << std::flush;
      try {
        reproduction->run(own);
      } catch (const experiments::Interrupted&) {
        std::cerr << "stopped and saved; go on with the same command\n";
        throw Exit(130);
      }
      std::cout << '\n';
    }
  }

  std::vector<std::string> names;
  std::string out = "runs/reproduce";
  bool list = false;
  reproduce::Request request;
};

}  // namespace

void add_reproduce(CLI::App& app) {
  auto* reproduce = app.add_subcommand("reproduce", "make a table or a figure of the papers again");
  auto command = std::make_shared<ReproduceCommand>(*reproduce);
  reproduce->callback([command] { command->run(); });
}

}  // namespace fanion::commands
