#include <iostream>

#include "commands/command.h"
#include "fanion/norms/registry.h"
#include "record/atomic_file.h"
#include "record/plotting.h"
#include "record/run_folder.h"
#include "tasks/norm_ball.h"

namespace fanion::commands {
namespace {

using tasks::ball_in_plane;
using tasks::ball_in_space;

nlohmann::json panel(const std::string& title, const std::vector<tasks::NormBall>& balls) {
  auto drawn = nlohmann::json::array();
  for (const auto& ball : balls) drawn.push_back(tasks::to_json(ball));
  return {{"title", title}, {"balls", drawn}};
}

nlohmann::json picture(const std::string& file, const std::string& title, const std::vector<nlohmann::json>& panels) {
  return {{"file", file}, {"title", title}, {"panels", panels}};
}

tasks::NormBall in_plane(const std::string& label, const std::string& norm) {
  return ball_in_plane(label, norms::norm_from_name(norm));
}

/// The balls of a family for several α.
nlohmann::json family(const std::string& title, const std::string& name) {
  std::vector<tasks::NormBall> balls;
  for (const std::string alpha : {"0", "0.25", "0.5", "0.75", "1"})
    balls.push_back(in_plane("α = " + alpha, c10::str(name, ":alpha=", alpha)));
  return panel(title, balls);
}

/// Figures 3, 5 and 6 of KyFan.
std::vector<nlohmann::json> paper_figures() {
  const auto muon = in_plane("Muon", "spectral");
  const auto f_muon = in_plane("F-Muon, α = 0.5", "f-muon:alpha=0.5");
  const auto solid = [](const std::string& title, const std::string& norm) {
    return panel(title, {ball_in_space("", norms::norm_from_name(norm))});
  };
  return {picture("figure-3.png", "LMO balls of Muon and F-Muon", {panel("", {muon, f_muon})}),
          picture("figure-5.png", "Balls of the duals to the F* and F2 norms",
                  {family("F*†, the norm of F-Muon", "f-muon"), family("F2†, the norm of F-Neon", "f-neon")}),
          picture("figure-6.png", "The Ky Fan 2-norm and its dual",
                  {solid("Ky Fan 2-norm", "ky_fan:k=2"), solid("its dual", "ky_fan_dual:k=2")})};
}

struct BallsCommand {
  explicit BallsCommand(CLI::App& command) {
    norm_option = command.add_option("--norm", names, "norms to draw instead, a panel each (fanion rules lists them)");
    command.add_flag("--dual", dual, "the dual norm's ball beside each --norm's")->needs(norm_option);
    command.add_option("--dimensions", dimensions, "of --norm: 2 singular values or 3")
        ->capture_default_str()
        ->needs(norm_option);
    command.add_option("--out", out, "folder of balls.json and the pictures (default: runs/TIME-balls)");
  }

  std::vector<nlohmann::json> chosen() const {
    TORCH_CHECK_VALUE(dimensions == 2 || dimensions == 3, "--dimensions ", dimensions, " must be 2 or 3");
    std::vector<nlohmann::json> panels;
    for (const auto& name : names) {
      const auto norm = norms::norm_from_name(name);
      if (dimensions == 2) {
        std::vector balls = {ball_in_plane("norm", norm)};
        if (dual) balls.push_back(ball_in_plane("dual", norm, true));
        panels.push_back(panel(name, balls));
      } else {
        panels.push_back(panel(name, {ball_in_space("norm", norm)}));
        if (dual) panels.push_back(panel(name + ", dual", {ball_in_space("dual", norm, true)}));
      }
    }
    return {picture("balls.png", "Unit balls", panels)};
  }

  void run() const {
    const auto pictures = norm_option->count() > 0 ? chosen() : paper_figures();
    const auto folder = out.empty() ? record::RunFolder::fresh_name("balls") : std::filesystem::path(out);
    record::RunFolder::create(folder, {{"norm", names}, {"dual", dual}, {"dimensions", dimensions}});
    record::write_atomically(folder / "balls.json", nlohmann::json(pictures).dump() + "\n");
    record::plot_balls(folder);
    for (const auto& drawn : pictures)
      std::cout << "plot: " << (folder / drawn["file"].get<std::string>()).string() << '\n';
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
