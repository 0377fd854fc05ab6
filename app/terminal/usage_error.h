#pragma once

#include <CLI/CLI.hpp>

#include <string>

namespace fanion::terminal {

/// What is wrong with the words of a command line that CLI11 could not read, as one line: which word, what may have
/// been meant, and whose --help lists what there is.
std::string usage_error(const CLI::App& app, const CLI::ParseError& error);

}  // namespace fanion::terminal
