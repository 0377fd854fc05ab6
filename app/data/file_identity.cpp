#include "data/file_identity.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <ios>
#include <nlohmann/json.hpp>
#include <vector>

#include "data/open_file.h"
#include "fanion/fnv1a.h"

namespace fanion::data {
namespace {

constexpr std::streamsize kPiece = 1U << 20U;

/// What a file adds to the bytes and the hash so far.
void add_file(const std::filesystem::path& file, int64_t& bytes, Fnv1a& hash) {
  auto [in, size, name] = open_file(file);
  std::vector<char> piece(kPiece);
  while (in.read(piece.data(), kPiece) || in.gcount() > 0) {
    hash.add({piece.data(), static_cast<std::size_t>(in.gcount())});
    bytes += in.gcount();
  }
  TORCH_CHECK_VALUE(!in.bad(), name, ": could not read its ", size, " bytes");
}

}  // namespace

nlohmann::json identity_of(const std::filesystem::path& path) {
  std::vector<std::filesystem::path> files = {path};
  if (std::filesystem::is_directory(path)) {
    files.clear();
    for (const auto& entry : std::filesystem::directory_iterator(path))
      if (entry.is_regular_file()) files.push_back(entry.path());
    std::sort(files.begin(), files.end());
  }
  Fnv1a hash;
  int64_t bytes = 0;
  for (const auto& file : files) add_file(file, bytes, hash);
  return {{"bytes", bytes}, {"fnv1a64", c10::str(std::hex, hash.value())}};
}

}  // namespace fanion::data
