#include "data/file_identity.h"

#include <c10/util/Exception.h>

#include <cstdint>
#include <ios>
#include <nlohmann/json.hpp>
#include <vector>

#include "data/open_file.h"

namespace fanion::data {
namespace {

constexpr uint64_t kStart = 0xcbf29ce484222325ULL, kPrime = 0x100000001b3ULL;
constexpr std::streamsize kPiece = 1 << 20;

}  // namespace

nlohmann::json identity_of(const std::filesystem::path& file) {
  auto [in, size, name] = open_file(file);
  std::vector<char> piece(kPiece);
  uint64_t hash = kStart;
  int64_t bytes = 0;
  while (in.read(piece.data(), kPiece) || in.gcount() > 0) {
    for (std::streamsize i = 0; i < in.gcount(); ++i) hash = (hash ^ static_cast<unsigned char>(piece[i])) * kPrime;
    bytes += in.gcount();
  }
  TORCH_CHECK_VALUE(!in.bad(), name, ": could not read its ", size, " bytes");
  return {{"bytes", bytes}, {"fnv1a64", c10::str(std::hex, hash)}};
}

}  // namespace fanion::data
