#pragma once

#include <string>
#include <vector>

namespace fanion::terminal {

/// Rows of text in columns as wide as their longest cell; the first row is the heading. The first column is
/// aligned left, the others right.
std::string table(const std::vector<std::vector<std::string>>& rows);

/// A number with `digits` decimals.
std::string fixed(double x, int digits);

}  // namespace fanion::terminal
