#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <utility>
#include <vector>

namespace fanion::data {

/// A stream of tokens in memory: the bytes of any file, or a `.bin` shard of GPT-2 tokens as llm.c and modded-nanogpt
/// write them (256 int32 header: magic 20240520, version 1, count; then uint16 tokens).
struct TokenData {
  at::Tensor tokens;       ///< (count,), uint8 or uint16
  int64_t vocabulary = 0;  ///< 256 for bytes; for a shard the one the caller gave
  bool bytes = true;
};

/// Reads a file whole. Throws, naming the file and what is wrong, if it is missing, empty, truncated, has a wrong
/// magic or version, or holds a token ≥ vocabulary.
TokenData read_tokens(const std::filesystem::path& file, int64_t shard_vocabulary);

/// The files of one after the other, all of one kind.
TokenData read_tokens(const std::vector<std::filesystem::path>& files, int64_t shard_vocabulary);

/// Files of tokens, by name: what a path stands for.
struct TokenFiles {
  std::vector<std::filesystem::path> training;
  std::vector<std::filesystem::path> validation;  ///< empty: a part of the training data is
  bool text = true;                               ///< bytes; else shards
};
/// A file is itself, a shard if it ends in .bin. Of a folder: *train*.bin and *val*.bin, or *train*.txt and *val*.txt,
/// by name, as `fanion data prepare text` and modded-nanogpt's downloads are called. Throws, naming it, where it holds
/// none, or both kinds.
TokenFiles token_files(const std::filesystem::path& path);

struct Batch {
  at::Tensor inputs;   ///< (B, T) int64
  at::Tensor targets;  ///< (B, T) int64, one token later
};

/// Training and validation parts of a stream: the last tenth is for validation, or all of a second stream.
class TokenSplit {
 public:
  /// Throws if either part is shorter than context + 1 tokens.
  TokenSplit(const TokenData& training, const TokenData* validation, int64_t context);

  /// The batch of step `step`: windows at random places, a function of (seed, step) alone, so that a resumed run
  /// sees what an uninterrupted one saw.
  Batch training_batch(int64_t rows, uint64_t seed, int64_t step, at::Device device) const;
  /// The i-th validation batch: windows spread evenly over the validation part, the same in every run.
  Batch validation_batch(int64_t i, int64_t batches, int64_t rows, at::Device device) const;

  int64_t vocabulary() const { return vocabulary_; }

 private:
  Batch windows(const at::Tensor& tokens, const at::Tensor& starts, at::Device device) const;
  at::Tensor training_, validation_;
  int64_t vocabulary_;
  int64_t context_;
};

}  // namespace fanion::data
