#include "record/safetensors.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>

#include "data/array_bytes.h"
#include "data/json_text.h"
#include "data/open_file.h"
#include "fanion/fnv1a.h"
#include "fanion/names.h"
#include "record/atomic_file.h"

namespace fanion::record {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors is little-endian");

constexpr std::array<Named<at::ScalarType>, 4> kDtypes{
    {{at::kFloat, "F32"}, {at::kDouble, "F64"}, {at::kBFloat16, "BF16"}, {at::kLong, "I64"}}};
constexpr const char *kMetadata = "__metadata__", *kChecksum = "checksum";

/// FNV-1a over 64-bit words (the last one zero-padded): enough to notice a damaged disk, at memory speed.
class Checksum {
 public:
  void add(const void* data, std::size_t size) {
    const auto* bytes = static_cast<const unsigned char*>(data);
    for (std::size_t i = 0; i < size; i += sizeof(uint64_t)) {
      uint64_t word = 0;
      std::memcpy(&word, bytes + i, std::min(sizeof word, size - i));
      hash_.add_word(word);
    }
  }
  std::string text() const { return c10::str(std::hex, hash_.value()); }

 private:
  Fnv1a hash_;
};

constexpr uint64_t kLongestHeader = 100'000'000;  // the format's own limit

/// A tensor as the header describes it.
struct Described {
  std::string name;
  at::ScalarType dtype = at::kFloat;
  std::vector<int64_t> shape;
  uint64_t begin = 0, end = 0;
};

uint64_t unsigned_integer(const nlohmann::json& value, const std::string& what) {
  TORCH_CHECK_VALUE(value.is_number_unsigned(), what, " ", data::shown(value), " is no integer of at least 0");
  return value.get<uint64_t>();
}

/// An entry of the header; errors begin with `where`.
Described described_by(const nlohmann::json& entry, const std::string& name, const std::string& where) {
  TORCH_CHECK_VALUE(
      entry.is_object() && entry.contains("dtype") && entry.contains("shape") && entry.contains("data_offsets"), where,
      " needs dtype, shape and data_offsets");
  const auto &dtype = entry["dtype"], &shape = entry["shape"], &offsets = entry["data_offsets"];
  TORCH_CHECK_VALUE(dtype.is_string(), where, " has the dtype ", data::shown(dtype), ", no text");
  TORCH_CHECK_VALUE(shape.is_array(), where, " has the shape ", data::shown(shape), ", no array");
  TORCH_CHECK_VALUE(offsets.is_array() && offsets.size() == 2, where, " has the data_offsets ", data::shown(offsets),
                    ", no pair of integers");
  Described tensor{.name = name};
  try {
    tensor.dtype = parse_name(kDtypes, dtype.get<std::string>(), "dtype");
  } catch (c10::ValueError& e) {
    e.add_context(where);
    throw;
  }
  for (const auto& extent : shape) {
    const auto size = unsigned_integer(extent, where + ": an extent of its shape,");
    TORCH_CHECK_VALUE(size <= std::numeric_limits<int64_t>::max(), where, " has the extent ", size);
    tensor.shape.push_back(static_cast<int64_t>(size));
  }
  tensor.begin = unsigned_integer(offsets[0], where + ": the first of its data_offsets,");
  tensor.end = unsigned_integer(offsets[1], where + ": the second of its data_offsets,");
  const auto bytes = data::array_bytes(tensor.shape, tensor.dtype, where);
  TORCH_CHECK_VALUE(tensor.begin <= tensor.end && tensor.end - tensor.begin == static_cast<uint64_t>(bytes), where,
                    " takes ", bytes, " bytes, but its data_offsets are ", tensor.begin, " and ", tensor.end);
  return tensor;
}

/// The tensors of a header in the order of their data, which must be those `size` bytes, without gap or overlap.
std::vector<Described> described(const nlohmann::json& header, uint64_t size, const std::string& name) {
  std::vector<Described> tensors;
  for (const auto& [key, entry] : header.items())
    if (key != kMetadata) tensors.push_back(described_by(entry, key, c10::str(name, ": its header is damaged: ", key)));
  std::stable_sort(tensors.begin(), tensors.end(), [](const Described& a, const Described& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  uint64_t end = 0;
  for (const auto& tensor : tensors) {
    TORCH_CHECK_VALUE(tensor.end <= size, name, ": truncated: ", tensor.name, " lies outside the file");
    TORCH_CHECK_VALUE(tensor.begin == end, name, ": its header is damaged: ", tensor.name, " begins at ", tensor.begin,
                      " where the data before it end at ", end);
    end = tensor.end;
  }
  TORCH_CHECK_VALUE(end == size, name, ": holds ", size, " bytes of data, of which its header describes ", end);
  return tensors;
}

}  // namespace

void write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors, const Metadata& metadata) {
  nlohmann::json header;
  NamedTensors plain;
  Checksum checksum;
  std::size_t offset = 0;
  for (const auto& [name, tensor] : tensors) {
    const auto data = tensor.detach().to(at::kCPU).contiguous();
    TORCH_CHECK(!header.contains(name), "two tensors are called ", name);
    header[name] = {{"dtype", find_name(kDtypes, data.scalar_type())},
                    {"shape", data.sizes().vec()},
                    {"data_offsets", {offset, offset + data.nbytes()}}};
    offset += data.nbytes();
    checksum.add(data.const_data_ptr(), data.nbytes());
    plain.emplace_back(name, data);
  }
  header[kMetadata] = metadata;
  header[kMetadata][kChecksum] = checksum.text();
  auto text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  write_atomically(path, [&](const Sink& sink) {
    const uint64_t length = text.size();
    sink(&length, sizeof length);
    sink(text.data(), text.size());
    for (const auto& [name, data] : plain) sink(data.const_data_ptr(), data.nbytes());
  });
}

SafetensorsFile read_safetensors(const std::filesystem::path& path) {
  auto [in, bytes, name] = data::open_file(path);
  const auto size = static_cast<uint64_t>(bytes);
  uint64_t length = 0;
  in.read(reinterpret_cast<char*>(&length), sizeof length);
  TORCH_CHECK_VALUE(in.gcount() == sizeof length && length <= size - sizeof length && length <= kLongestHeader, name,
                    ": truncated or no safetensors file");
  std::string text(length, '\0');
  in.read(text.data(), static_cast<std::streamsize>(length));
  TORCH_CHECK_VALUE(in.good(), name, ": its header cannot be read");
  const auto header = data::parse_json(text, name + ": its header");
  TORCH_CHECK_VALUE(header.is_object() && header.contains(kMetadata) && header[kMetadata].is_object(), name,
                    ": its header is damaged: it has no __metadata__");

  SafetensorsFile file;
  for (const auto& [key, value] : header[kMetadata].items()) {
    TORCH_CHECK_VALUE(value.is_string(), name, ": its header is damaged: the metadata ", key, " is no text");
    file.metadata[key] = value;
  }
  Checksum checksum;
  for (const auto& tensor : described(header, size - sizeof length - length, name)) {
    const auto data = at::empty(tensor.shape, tensor.dtype);
    in.read(static_cast<char*>(data.mutable_data_ptr()), static_cast<std::streamsize>(data.nbytes()));
    TORCH_CHECK_VALUE(in.good(), name, ": ", tensor.name, " cannot be read");
    checksum.add(data.const_data_ptr(), data.nbytes());
    file.tensors.emplace(tensor.name, data);
  }
  TORCH_CHECK_VALUE(file.metadata[kChecksum] == checksum.text(), name,
                    ": its data do not match their checksum; the file is damaged");
  return file;
}

}  // namespace fanion::record
