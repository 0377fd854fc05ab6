#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace fanion::reproduce {

struct Curve {
  std::string label;
  std::vector<double> x, y;
  std::vector<double> spread = {};  ///< half the height of a band around y; empty: none
  std::string like = {};            ///< a curve with this one's colour, which it is to be told from by dashes
};

struct Panel {
  std::string x_label, y_label;
  bool x_log = false, y_log = true;
  std::vector<Curve> curves;
};

/// Panels side by side, two in a row.
struct Picture {
  std::string title;
  std::vector<Panel> panels;
};

/// Writes FILE.json and draws FILE.png from it by the package's Python side (`python -m fanion.figures.curves
/// FILE.json`).
void draw(const Picture& picture, const std::filesystem::path& png);

}  // namespace fanion::reproduce
