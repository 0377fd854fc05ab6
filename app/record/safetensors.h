#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace fanion::record {

using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;
using Metadata = std::map<std::string, std::string>;

/// Writes tensors in the safetensors format (8-byte length, JSON header, raw little-endian data), atomically.
/// Readable by the `safetensors` packages of every language. The metadata gets a checksum of the data.
/// Names must be unique; dtypes float32, float64, bfloat16, int64.
void write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors, const Metadata& metadata);

struct SafetensorsFile {
  std::map<std::string, at::Tensor> tensors;  ///< on the CPU
  Metadata metadata;
};

/// Reads such a file whole. Throws, naming the file and what is wrong, if it is missing, truncated, not in
/// the format, or its data do not match the checksum.
SafetensorsFile read_safetensors(const std::filesystem::path& path);

}  // namespace fanion::record
