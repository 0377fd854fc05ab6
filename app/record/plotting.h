#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace fanion::record {

/// Draws run folders together into a PNG, by the package's Python side (matplotlib): `$FANION_PYTHON -m
/// fanion.figures.runs`. Throws if that fails, with what to do.
void plot_runs(const std::vector<std::filesystem::path>& runs, const std::filesystem::path& png);

/// Draws error-time.png and error-passes.png of a folder with the results.json of `fanion svd`, likewise.
void plot_svd(const std::filesystem::path& folder);

/// Draws the pictures that the balls.json of `fanion balls` in a folder describes, likewise.
void plot_balls(const std::filesystem::path& folder);

/// Draws the panels of curves that a JSON file holds into a PNG, likewise.
void plot_curves(const std::filesystem::path& json, const std::filesystem::path& png);

/// Prints the traffic of training steps on these numbers of processes and draws it into a PNG, likewise.
void plot_scaling(const std::vector<int64_t>& processes, int64_t k, const std::filesystem::path& png);

}  // namespace fanion::record
