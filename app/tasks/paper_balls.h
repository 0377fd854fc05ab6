#pragma once

#include <string>
#include <vector>

#include "tasks/norm_ball.h"

namespace fanion::tasks {

/// Balls in one pair of axes.
struct BallPanel {
  std::string title;
  std::vector<NormBall> balls;
};

/// Panels side by side in one picture file.
struct BallPicture {
  std::string file, title;
  std::vector<BallPanel> panels;
};

nlohmann::json to_json(const std::vector<BallPicture>& pictures);

/// Figures 3, 5 and 6 of KyFan: Muon's and F-Muon's balls; the families of F-Muon and F-Neon over α; the Ky Fan 2-norm
/// and its dual.
BallPicture figure_3_balls();
BallPicture figure_5_balls();
BallPicture figure_6_balls();

}  // namespace fanion::tasks
