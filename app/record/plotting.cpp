#include "record/plotting.h"

#include <c10/util/Exception.h>

#include "record/python_module.h"

namespace fanion::record {
namespace {

void draw(const std::string& module, const std::vector<std::string>& arguments) {
  constexpr int kUnusableFiles = 2;  // of which the module has told on standard error
  const int status = run_installed_module(module, arguments);
  TORCH_CHECK(status != kUnusableFiles, "the plot was not drawn, for the reason above");
  TORCH_CHECK(status == 0, "the plot was not drawn: '", python(), " -m ", module,
              "' failed; set FANION_PYTHON to a Python with fanion and matplotlib");
}

}  // namespace

void plot_runs(const std::vector<std::filesystem::path>& runs, const std::filesystem::path& png) {
  std::vector<std::string> arguments = {"--out", png.string()};
  for (const auto& run : runs) arguments.push_back(run.string());
  draw("fanion.figures.runs", arguments);
}

void plot_svd(const std::filesystem::path& folder) { draw("fanion.figures.svd", {folder.string()}); }

void plot_balls(const std::filesystem::path& folder) { draw("fanion.figures.balls", {folder.string()}); }

void plot_curves(const std::filesystem::path& json, const std::filesystem::path& png) {
  draw("fanion.figures.curves", {json.string(), png.string()});
}

void plot_scaling(const std::vector<int64_t>& processes, int64_t k, const std::filesystem::path& png) {
  std::vector<std::string> arguments = {"--k", std::to_string(k), "--out", png.string(), "--processes"};
  for (const auto p : processes) arguments.push_back(std::to_string(p));
  draw("fanion.figures.scaling", arguments);
}

}  // namespace fanion::record
