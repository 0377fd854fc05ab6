#include "record/tensorboard.h"

#include <array>
#include <bit>
#include <cstring>

#include "record/atomic_file.h"

namespace fanion::record {
namespace {

static_assert(std::endian::native == std::endian::little, "event files are little-endian");

constexpr uint32_t kPolynomial = 0x82F63B78;  // Castagnoli's, reflected

constexpr std::array<uint32_t, 256> crc_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1U) != 0 ? (crc >> 1U) ^ kPolynomial : crc >> 1U;
    table[i] = crc;
  }
  return table;
}

template <class Number>
std::string bytes_of(Number number) {
  std::string bytes(sizeof number, '\0');
  std::memcpy(bytes.data(), &number, sizeof number);
  return bytes;
}

std::string masked_crc(std::string_view data) {
  const auto crc = crc32c(data);
  return bytes_of(static_cast<uint32_t>(((crc >> 15U) | (crc << 17U)) + 0xA282EAD8U));
}

std::string framed(const std::string& event) {
  const auto length = bytes_of(static_cast<uint64_t>(event.size()));
  return length + masked_crc(length) + event + masked_crc(event);
}

// Protocol buffers: a field begins with number << 3 | wire type (0 varint, 1 of 8 bytes, 2 with a length, 5 of 4
// bytes).

std::string varint(uint64_t number) {
  std::string bytes;
  for (; number >= 0x80; number >>= 7U) bytes += static_cast<char>(number | 0x80U);
  return bytes + static_cast<char>(number);
}

std::string text_field(int field, const std::string& text) {
  return varint(static_cast<uint64_t>(field) << 3U | 2U) + varint(text.size()) + text;
}

std::string event_of(const Scalar& scalar) {
  const auto value = text_field(1, scalar.tag) + '\x15' + bytes_of(scalar.value);  // Value: tag, simple_value
  return '\x09' + bytes_of(scalar.seconds) + '\x10' + varint(static_cast<uint64_t>(scalar.step)) +  // wall_time, step
         text_field(5, text_field(1, value));                                                       // summary
}

}  // namespace

uint32_t crc32c(std::string_view data) {
  static constexpr auto kTable = crc_table();
  uint32_t crc = ~0U;
  for (const char c : data) crc = kTable[(crc ^ static_cast<unsigned char>(c)) & 0xFFU] ^ (crc >> 8U);
  return ~crc;
}

void write_events(const std::filesystem::path& file, const std::vector<Scalar>& scalars) {
  auto text = framed('\x09' + bytes_of(0.0) + text_field(3, "brain.Event:2"));
  for (const auto& scalar : scalars) text += framed(event_of(scalar));
  write_atomically(file, text);
}

}  // namespace fanion::record
