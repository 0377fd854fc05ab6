#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

namespace fanion::data {

/// A file of data, open for reading from its start.
struct OpenFile {
  std::ifstream in;
  int64_t size;      ///< bytes
  std::string name;  ///< for errors
};
/// Throws, naming the file, where there is none or it cannot be read.
OpenFile open_file(const std::filesystem::path& file);

}  // namespace fanion::data
