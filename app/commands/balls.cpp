#include <iostream>

#include "commands/command.h"
#include "fanion/norms/registry.h"
#include "record/atomic_file.h"
#include "record/plotting.h"
#include "record/run_folder.h"
#include "tasks/paper_balls.h"

namespace fanion::commands {
namespace {

using tasks::ball_in_plane;
using tasks::ball_in_space;
using tasks::BallPanel;
using tasks::BallPicture;

struct BallsCommand {
  explicit BallsCommand(CLI::App& command) {
    norm_option = command.add_option("--norm", names, "norms to draw instead, a panel each (fanion rules lists them)");
    command.add_flag("--dual", dual, "the dual norm's ball beside each --norm's")->needs(norm_option);
    command.add_option("--dimensions", dimensions, "of --norm: 2 singular values or 3")
        ->capture_default_str()
        ->needs(norm_option);
    command.add_option("--out", out, "folder of balls.json and the pictures (default: runs/TIME-balls)");
  }

  std::vector<BallPicture> chosen() const {
    TORCH_CHECK_VALUE(dimensions == 2 || dimensions == 3, "--dimensions ", dimensions, " must be 2 or 3");
    std::vector<BallPanel> panels;
    for (const auto& name : names) {
      const auto norm = norms::norm_from_name(name);
      if (dimensions == 2) {
        panels.push_back({name, {ball_in_plane("norm", norm)}});
        if (dual) panels.back().balls.push_back(ball_in_plane("dual", norm, true));
      } else {
        panels.push_back({name, {ball_in_space("norm", norm)}});
        if (dual) panels.push_back({name + ", dual", {ball_in_space("dual", norm, true)}});
      }
    }
    return {{"balls.png", "Unit balls", panels}};
  }

  void run() const {
    const auto pictures = norm_option->count() > 0
                              ? chosen()
                              : std::vector{tasks::figure_3_balls(), tasks::figure_5_balls(), tasks::figure_6_balls()};
    const auto folder = out.empty() ? record::RunFolder::fresh_name("balls") : std::filesystem::path(out);
    record::RunFolder::create(folder, {{"norm", names}, {"dual", dual}, {"dimensions", dimensions}});
    record::write_atomically(folder / "balls.json", tasks::to_json(pictures).dump() + "\n");
    record::plot_balls(folder);
    for (const auto& drawn : pictures) std::cout << "plot: " << (folder / drawn.file).string() << '\n';
    std::cout << "points: " << (folder / "balls.json").string() << '\n';
  }

  CLI::Option* norm_option = nullptr;
  std::vector<std::string> names;
  bool dual = false;
  int64_t dimensions = 2;
  std::string out;
};

}  // namespace

void add_balls(CLI::App& app) {
  auto* balls = app.add_subcommand("balls", "draw unit balls of norms: the paper's figures 3, 5 and 6, or any by name");
  auto command = std::make_shared<BallsCommand>(*balls);
  balls->callback([command] { command->run(); });
}

}  // namespace fanion::commands
