#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace fanion::record {

/// A number of a run: what it is called, when it was, and its value.
struct Scalar {
  std::string tag;
  int64_t step = 0;
  double seconds = 0;  ///< of training
  float value = 0;
};

/// Writes an event file that TensorBoard reads, atomically: TFRecords (length, masked CRC-32C of it, data, masked
/// CRC-32C) of tensorflow.Event messages, the first with the file version "brain.Event:2". Seconds of training are the
/// wall time. Source: tensorflow/core/lib/io/record_writer.h, tensorflow/core/util/event.proto.
void write_events(const std::filesystem::path& file, const std::vector<Scalar>& scalars);

/// CRC-32C (Castagnoli): "123456789" gives 0xE3069283.
uint32_t crc32c(std::string_view data);

}  // namespace fanion::record
