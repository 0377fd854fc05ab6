#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace fanion::record {

/// Draws run folders together into a PNG, by the package's Python side (matplotlib): `$FANION_PYTHON -m
/// fanion.plots`. Throws if that fails, with what to do.
void plot_runs(const std::vector<std::filesystem::path>& runs, const std::filesystem::path& png);

}  // namespace fanion::record
