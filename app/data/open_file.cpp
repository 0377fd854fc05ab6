#include "data/open_file.h"

#include <c10/util/Exception.h>

namespace fanion::data {

OpenFile open_file(const std::filesystem::path& file) {
  const auto name = file.string();
  TORCH_CHECK_VALUE(std::filesystem::exists(file), name, ": no such file");
  TORCH_CHECK_VALUE(std::filesystem::is_regular_file(file), name, ": not a file");
  std::ifstream in(file, std::ios::binary);
  TORCH_CHECK_VALUE(in.good(), name, ": cannot be opened for reading");
  return {std::move(in), static_cast<int64_t>(std::filesystem::file_size(file)), name};
}

}  // namespace fanion::data
