#include "record/safetensors.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/zeros.h>

#include <cstdint>

#include "record/checkpoint.h"
#include "target.h"

namespace fanion::fuzz {
namespace {

/// The length of the header, the header, the data.
std::string safetensors_with(const std::string& header, const std::string& data) {
  const uint64_t length = header.size();
  return std::string(reinterpret_cast<const char*>(&length), sizeof length) + header + data;
}

std::string checkpoint() {
  const auto file = file_of("", "seed.safetensors");
  record::write_safetensors(file,
                            {{"model.a", at::arange(6, at::kFloat).view({2, 3})},
                             {"model.b", at::zeros({0, 4}, at::kDouble)},
                             {"optimizer.c", at::arange(3, at::kLong)},
                             {"optimizer.d", at::arange(5, at::kBFloat16)}},
                            {{"step", "7"}, {"seconds", "0x1.8p1"}, {"optimizer_seconds", "0x0p+0"}});
  return bytes_of(file);
}

void read_safetensors(std::string_view input) {
  const auto file = record::read_safetensors(file_of(input, "checkpoint.safetensors"));
  record::progress_of(file.metadata, "checkpoint.safetensors");
}

}  // namespace

Target safetensors() {
  const auto entry = [](const std::string& text) {
    return safetensors_with("{\"__metadata__\":{\"checksum\":\"0\"},\"a\":" + text + "}", std::string(16, 'x'));
  };
  return {"safetensors",
          {checkpoint(), entry("{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]}"),
           entry("{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0.5,16.9]}"),
           entry("{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[-16,0]}"),
           entry("{\"dtype\":\"I64\",\"shape\":[0,4611686018427387904,9],\"data_offsets\":[0,0]}"),
           entry("{\"dtype\":\"F64\",\"shape\":[18446744073709551615],\"data_offsets\":[0,16]}"),
           entry(std::string(200, '[') + std::string(200, ']')), std::string(7, '\xff')},
          {"\"data_offsets\"", "\"shape\"", "\"dtype\"", "\"F32\"", "\"BF16\"", "[0,16]", "{", "}", "[", "]", ",", ":",
           "18446744073709551615", "-1", "1e300", "null", "\"__metadata__\"", "\"step\":\"1e300\""},
          read_safetensors};
}

}  // namespace fanion::fuzz
