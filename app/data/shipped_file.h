#pragma once

#include <string>

namespace fanion::data {

/// The path of a file that comes with the program, in its share/data. Throws if it is not there.
std::string shipped_file(const std::string& name);

}  // namespace fanion::data
