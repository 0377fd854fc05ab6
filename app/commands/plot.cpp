#include <iostream>

#include "commands/command.h"
#include "record/plotting.h"
#include "record/run_folder.h"

namespace fanion::commands {
namespace {

struct PlotCommand {
  explicit PlotCommand(CLI::App& command) {
    command.add_option("runs", runs, "run folders, or folders of them")->required();
    command.add_option("--out", out, "PNG to write")->capture_default_str();
  }

  void run() const {
    std::vector<std::filesystem::path> folders;
    for (const auto& given : runs) {
      if (record::RunFolder::exists(given)) {
        folders.emplace_back(given);
        continue;
      }
      TORCH_CHECK_VALUE(std::filesystem::is_directory(given), given, ": no such folder");
      const auto before = folders.size();
      for (const auto& entry : std::filesystem::directory_iterator(given))
        if (record::RunFolder::exists(entry.path())) folders.push_back(entry.path());
      TORCH_CHECK_VALUE(folders.size() > before, given, " holds no runs");
      std::sort(folders.begin() + static_cast<std::ptrdiff_t>(before), folders.end());
    }
    record::plot_runs(folders, out);
    std::cout << "plot: " << out << '\n';
  }

  std::vector<std::string> runs;
  std::string out = "plot.png";
};

}  // namespace

void add_plot(CLI::App& app) {
  auto* plot = app.add_subcommand("plot", "draw validation loss of runs against steps and time");
  auto command = std::make_shared<PlotCommand>(*plot);
  plot->callback([command] { command->run(); });
}

}  // namespace fanion::commands
