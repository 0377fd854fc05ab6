#include "tasks/paper_balls.h"

#include "fanion/norms/registry.h"

namespace fanion::tasks {
namespace {

NormBall in_plane(const std::string& label, const std::string& norm) {
  return ball_in_plane(label, norms::norm_from_name(norm));
}

/// The balls of a family for several α.
BallPanel family(const std::string& title, const std::string& name) {
  BallPanel panel{title, {}};
  for (const std::string alpha : {"0", "0.25", "0.5", "0.75", "1"})
    panel.balls.push_back(in_plane("α = " + alpha, c10::str(name, ":alpha=", alpha)));
  return panel;
}

BallPanel solid(const std::string& title, const std::string& norm) {
  return {title, {ball_in_space("", norms::norm_from_name(norm))}};
}

}  // namespace

nlohmann::json to_json(const std::vector<BallPicture>& pictures) {
  auto all = nlohmann::json::array();
  for (const auto& picture : pictures) {
    auto panels = nlohmann::json::array();
    for (const auto& panel : picture.panels) {
      auto balls = nlohmann::json::array();
      for (const auto& ball : panel.balls) balls.push_back(to_json(ball));
      panels.push_back({{"title", panel.title}, {"balls", balls}});
    }
    all.push_back({{"file", picture.file}, {"title", picture.title}, {"panels", panels}});
  }
  return all;
}

BallPicture figure_3_balls() {
  return {"figure-3.png",
          "LMO balls of Muon and F-Muon",
          {{"", {in_plane("Muon", "spectral"), in_plane("F-Muon, α = 0.5", "f-muon:alpha=0.5")}}}};
}

BallPicture figure_5_balls() {
  return {"figure-5.png",
          "Balls of the duals to the F* and F2 norms",
          {family("F*†, the norm of F-Muon", "f-muon"), family("F2†, the norm of F-Neon", "f-neon")}};
}

BallPicture figure_6_balls() {
  return {"figure-6.png",
          "The Ky Fan 2-norm and its dual",
          {solid("Ky Fan 2-norm", "ky_fan:k=2"), solid("its dual", "ky_fan_dual:k=2")}};
}

}  // namespace fanion::tasks
