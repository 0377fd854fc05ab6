#include <array>
#include <cstdint>

#include "data/token_data.h"
#include "target.h"

namespace fanion::fuzz {
namespace {

std::string shard(int32_t magic, int32_t version, int32_t count, const std::string& tokens) {
  std::array<int32_t, 256> header{magic, version, count};
  return std::string(reinterpret_cast<const char*>(header.data()), sizeof header) + tokens;
}

void read_token_shard(std::string_view input) {
  const auto data = data::read_tokens(file_of(input, "tokens.bin"), 512);
  const data::TokenSplit split(data, nullptr, 4);
  split.training_batch(2, 1, 0, at::kCPU);
  split.validation_batch(0, 1, 2, at::kCPU);
}

}  // namespace

Target token_shard() {
  constexpr int32_t kMagic = 20240520;
  std::string tokens;
  for (int i = 0; i < 100; ++i) tokens += {static_cast<char>(i), static_cast<char>(i % 2)};
  return {"token_shard",
          {shard(kMagic, 1, 100, tokens), shard(kMagic, 1, 99, tokens), shard(kMagic, 1, -1, tokens),
           shard(kMagic, 2, 100, tokens), shard(kMagic, 1, 2147483647, ""), shard(0, 0, 0, "")},
          {std::string("\xff\xff\xff\x7f", 4), std::string("\0\0\0\x80", 4), std::string("\0\x02", 2)},
          read_token_shard};
}

}  // namespace fanion::fuzz
