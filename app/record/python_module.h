#pragma once

#include <string>
#include <vector>

namespace fanion::record {

/// The Python that the program runs for what is done there: $FANION_PYTHON, or python3.
std::string python();

/// Runs `python() -m module arguments…` and waits; whether it ended well. Quiet: nothing of it is shown.
bool run_python_module(const std::string& module, const std::vector<std::string>& arguments, bool quiet = false);

}  // namespace fanion::record
