#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace fanion::record {

/// The Python that the program runs for what is done there: $FANION_PYTHON, or python3.
std::string python();

/// Runs a module that is installed for `python()` with the arguments and waits; its exit status, -1 where it did not
/// end by itself. What lies in the current folder under the module's name is not taken for it.
int run_installed_module(const std::string& module, const std::vector<std::string>& arguments);

/// Likewise `python() -m module` in `folder`, where the module lies. Quiet: nothing of it is shown.
int run_module_in(const std::filesystem::path& folder, const std::string& module,
                  const std::vector<std::string>& arguments, bool quiet = false);

}  // namespace fanion::record
