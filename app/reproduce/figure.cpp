#include "reproduce/figure.h"

#include <nlohmann/json.hpp>

#include "record/atomic_file.h"
#include "record/plotting.h"
#include "record/run_folder.h"

namespace fanion::reproduce {

void draw(const Picture& picture, const std::filesystem::path& png) {
  auto panels = nlohmann::json::array();
  for (const auto& panel : picture.panels) {
    auto curves = nlohmann::json::array();
    for (const auto& c : panel.curves)
      curves.push_back({{"label", c.label}, {"x", c.x}, {"y", c.y}, {"spread", c.spread}, {"like", c.like}});
    panels.push_back({{"x", {{"label", panel.x_label}, {"log", panel.x_log}}},
                      {"y", {{"label", panel.y_label}, {"log", panel.y_log}}},
                      {"curves", curves}});
  }
  auto json = png;
  json.replace_extension(".json");
  record::create_folder(png.parent_path());
  record::write_atomically(json, nlohmann::json{{"title", picture.title}, {"panels", panels}}.dump() + "\n");
  record::plot_curves(json, png);
}

}  // namespace fanion::reproduce
