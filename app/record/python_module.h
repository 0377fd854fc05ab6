#pragma once

#include <string>
#include <vector>

namespace fanion::record {

/// The Python that the program runs for what is done there: $FANION_PYTHON, or python3.
std::string python();

/// Runs `python() -m module arguments…` and waits; its exit status, -1 where it did not end by itself. Quiet: nothing
/// of it is shown.
int run_python_module(const std::string& module, const std::vector<std::string>& arguments, bool quiet = false);

}  // namespace fanion::record
