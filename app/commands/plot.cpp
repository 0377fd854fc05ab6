#include <c10/util/Exception.h>

#include <iostream>

#include "commands/command.h"
#include "record/plotting.h"
#include "record/run_folder.h"
#include "terminal/note.h"

namespace fanion::commands {
namespace {

struct PlotCommand {
  explicit PlotCommand(CLI::App& command) {
    command.add_option("runs", runs, "run folders, or folders of them")->required();
    command.add_option("--out", out, "PNG to write")->capture_default_str();
  }

  void run() const {
    std::vector<std::filesystem::path> folders;
    std::vector<std::string> without;
    for (const auto& given : runs) {
      if (record::RunFolder::exists(given)) {
        folders.emplace_back(given);
        continue;
      }
      TORCH_CHECK_VALUE(std::filesystem::is_directory(given), given, ": no such folder");
      const auto before = folders.size();
      for (const auto& entry : std::filesystem::directory_iterator(given))
        if (record::RunFolder::exists(entry.path())) folders.push_back(entry.path());
      if (folders.size() == before) without.push_back(given);
      std::sort(folders.begin() + static_cast<std::ptrdiff_t>(before), folders.end());
    }
    TORCH_CHECK_VALUE(!folders.empty(), without.front(), " holds no runs");
    for (const auto& folder : without) terminal::note(folder + " holds no runs, left out");
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
