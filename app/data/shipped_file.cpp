#include "data/shipped_file.h"

#include <c10/util/Exception.h>

#include <filesystem>

namespace fanion::data {

std::string shipped_file(const std::string& name) {
  const auto program = std::filesystem::read_symlink("/proc/self/exe");
  const auto file = program.parent_path().parent_path() / "share" / "data" / name;
  TORCH_CHECK(std::filesystem::exists(file), file.string(), " is missing; give other data with --data");
  return file.string();
}

}  // namespace fanion::data
