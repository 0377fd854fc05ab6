#include "data/token_data.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/randint.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <fstream>

#include "data/open_file.h"

namespace fanion::data {
namespace {

constexpr int32_t kShardMagic = 20240520;
constexpr int32_t kVersion = 1;
constexpr int64_t kHeaderInts = 256;

/// Other files of llm.c that begin with a header like a shard's.
constexpr std::array<std::pair<int32_t, const char*>, 4> kOtherFiles = {
    {{20240801, "llm.c's shards of Llama 3 tokens, 32 bits each"},
     {20240522, "llm.c's multiple-choice evaluations (HellaSwag, MMLU)"},
     {20240326, "llm.c's model checkpoints"},
     {20240328, "llm.c's tokenizers"}}};

std::string known_as(int32_t magic) {
  for (const auto& [number, what] : kOtherFiles)
    if (number == magic) return std::string(" (that of ") + what + ")";
  return "";
}

TokenData read_bytes(std::ifstream& in, int64_t size, const std::string& name) {
  auto tokens = at::empty({size}, at::kByte);
  in.read(reinterpret_cast<char*>(tokens.data_ptr<uint8_t>()), size);
  TORCH_CHECK_VALUE(in.gcount() == size, name, ": could not read its ", size, " bytes");
  return {tokens, 256, true};
}

TokenData read_shard(std::ifstream& in, int64_t size, const std::string& name, int64_t vocabulary) {
  const int64_t header_bytes = kHeaderInts * static_cast<int64_t>(sizeof(int32_t));
  TORCH_CHECK_VALUE(size >= header_bytes, name, ": ", size, " bytes are too short for the ", header_bytes,
                    "-byte header of a token shard");
  std::array<int32_t, kHeaderInts> header{};
  in.read(reinterpret_cast<char*>(header.data()), header_bytes);
  TORCH_CHECK_VALUE(header[0] == kShardMagic, name, ": wrong magic ", header[0], known_as(header[0]),
                    "; a shard of GPT-2 tokens, of llm.c or modded-nanogpt, starts with ", kShardMagic, " and version ",
                    kVersion);
  TORCH_CHECK_VALUE(header[1] == kVersion, name, ": a token shard of version ", header[1], "; known is version ",
                    kVersion);
  const int64_t count = header[2];
  TORCH_CHECK_VALUE(count > 0, name, ": its header promises ", count, " tokens");
  TORCH_CHECK_VALUE(size == header_bytes + 2 * count, name, ": its header promises ", count, " tokens, ",
                    header_bytes + 2 * count, " bytes in all, but the file has ", size);
  auto tokens = at::empty({count}, at::kUInt16);
  in.read(reinterpret_cast<char*>(tokens.data_ptr<uint16_t>()), 2 * count);
  TORCH_CHECK_VALUE(in.gcount() == 2 * count, name, ": could not read its ", count, " tokens");
  const int64_t largest = tokens.to(at::kInt).max().item<int64_t>();
  TORCH_CHECK_VALUE(largest < vocabulary, name, ": token ", largest, " is outside the vocabulary of ", vocabulary);
  return {tokens, vocabulary, false};
}

}  // namespace

TokenData read_tokens(const std::filesystem::path& file, int64_t shard_vocabulary) {
  auto [in, size, name] = open_file(file);
  TORCH_CHECK_VALUE(size > 0, name, ": the file is empty");
  return file.extension() == ".bin" ? read_shard(in, size, name, shard_vocabulary) : read_bytes(in, size, name);
}

TokenFiles token_files(const std::filesystem::path& path) {
  if (!std::filesystem::is_directory(path)) return {{path}, {}, path.extension() != ".bin"};
  TokenFiles found;
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    const auto& file = entry.path();
    const auto extension = file.extension();
    if (!entry.is_regular_file() || (extension != ".bin" && extension != ".txt")) continue;
    const auto name = file.stem().string();
    const bool training = name.find("train") != std::string::npos;
    if (!training && name.find("val") == std::string::npos) continue;
    (training ? found.training : found.validation).push_back(file);
  }
  TORCH_CHECK_VALUE(!found.training.empty(), path.string(),
                    ": holds no training data: no *train*.bin (token shards) and no *train*.txt");
  for (auto* files : {&found.training, &found.validation}) std::sort(files->begin(), files->end());
  found.text = found.training.front().extension() == ".txt";
  for (const auto* files : {&found.training, &found.validation})
    for (const auto& file : *files)
      TORCH_CHECK_VALUE((file.extension() == ".txt") == found.text, path.string(), ": holds shards and text, ",
                        found.training.front().filename().string(), " and ", file.filename().string(),
                        "; one kind is needed");
  return found;
}

TokenData read_tokens(const std::vector<std::filesystem::path>& files, int64_t shard_vocabulary) {
  TORCH_CHECK_VALUE(!files.empty(), "no files of tokens");
  if (files.size() == 1) return read_tokens(files.front(), shard_vocabulary);
  std::vector<TokenData> parts;
  int64_t count = 0;
  for (const auto& file : files) {
    parts.push_back(read_tokens(file, shard_vocabulary));
    count += parts.back().tokens.numel();
  }
  auto whole = parts.front();
  whole.tokens = at::empty({count}, parts.front().tokens.options());
  int64_t begin = 0;
  for (auto& part : parts) {
    const auto length = part.tokens.numel();
    whole.tokens.narrow(0, begin, length).copy_(part.tokens);
    begin += length;
    part.tokens = at::Tensor();
  }
  return whole;
}

TokenSplit::TokenSplit(const TokenData& training, const TokenData* validation, int64_t context)
    : vocabulary_(training.vocabulary), context_(context) {
  if (validation != nullptr) {
    TORCH_CHECK_VALUE(validation->bytes == training.bytes,
                      "training and validation data must both be text or both be shards");
    training_ = training.tokens;
    validation_ = validation->tokens;
  } else {
    const int64_t cut = training.tokens.numel() * 9 / 10;
    training_ = training.tokens.narrow(0, 0, cut);
    validation_ = training.tokens.narrow(0, cut, training.tokens.numel() - cut);
  }
  const auto shortest = std::min(training_.numel(), validation_.numel());
  TORCH_CHECK_VALUE(shortest >= context + 1, "the data has parts of ", training_.numel(), " (training) and ",
                    validation_.numel(), " (validation) tokens; a context of ", context, " needs ", context + 1,
                    " in each");
}

Batch TokenSplit::training_batch(int64_t rows, uint64_t seed, int64_t step, at::Device device) const {
  // One generator a step: mt19937 hashes its seed, and the odd multiplier keeps (seed, step) pairs apart.
  auto generator = at::detail::createCPUGenerator(seed * 0x9E3779B97F4A7C15ULL + static_cast<uint64_t>(step));
  const auto starts = at::randint(0, training_.numel() - context_, {rows}, generator, at::kLong);
  return windows(training_, starts, device);
}

Batch TokenSplit::validation_batch(int64_t i, int64_t batches, int64_t rows, at::Device device) const {
  const int64_t places = validation_.numel() - context_;
  const auto index = at::arange(i * rows, (i + 1) * rows, at::kLong);
  return windows(validation_, (index * places).floor_divide(batches * rows), device);
}

Batch TokenSplit::windows(const at::Tensor& tokens, const at::Tensor& starts, at::Device device) const {
  const auto places = starts.unsqueeze(1) + at::arange(context_ + 1, at::kLong);
  const auto block = tokens.index({places}).to(at::kLong).to(device);
  return {block.narrow(1, 0, context_).contiguous(), block.narrow(1, 1, context_).contiguous()};
}

}  // namespace fanion::data
