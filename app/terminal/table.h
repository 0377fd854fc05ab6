#pragma once

#include <string>
#include <vector>

namespace fanion::terminal {

/// Rows of text in columns as wide as their longest cell; the first row is the heading. The first column is
/// aligned left, the others right.
std::string table(const std::vector<std::vector<std::string>>& rows);

/// A number with `digits` decimals.
std::string fixed(double x, int digits);

/// A number with `digits` significant digits; "-" for NaN.
std::string significant(double x, int digits = 4);

}  // namespace fanion::terminal
