#include "record/safetensors.h"

#include <ATen/ops/empty.h>

#include <array>
#include <bit>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "fanion/names.h"
#include "record/atomic_file.h"

namespace fanion::record {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors is little-endian");

constexpr std::array<Named<at::ScalarType>, 4> kDtypes{
    {{at::kFloat, "F32"}, {at::kDouble, "F64"}, {at::kBFloat16, "BF16"}, {at::kLong, "I64"}}};
constexpr const char* kChecksum = "checksum";

/// FNV-1a over 64-bit words (the last one zero-padded): enough to notice a damaged disk, at memory speed.
class Checksum {
 public:
  void add(const void* data, std::size_t size) {
    const auto* bytes = static_cast<const unsigned char*>(data);
    for (std::size_t i = 0; i < size; i += sizeof(uint64_t)) {
      uint64_t word = 0;
      std::memcpy(&word, bytes + i, std::min(sizeof word, size - i));
      state_ = (state_ ^ word) * 0x100000001b3ULL;
    }
  }
  std::string text() const { return c10::str(std::hex, state_); }

 private:
  uint64_t state_ = 0xcbf29ce484222325ULL;
};

/// An empty tensor of a header entry's shape and dtype; errors begin with `where`.
at::Tensor described_by(const nlohmann::json& entry, const std::string& where) {
  const auto shape = entry.at("shape").get<std::vector<int64_t>>();
  const auto dtype = entry.at("dtype").get<std::string>();
  try {
    return at::empty(shape, parse_name(kDtypes, dtype, "dtype"));
  } catch (const c10::Error&) {
    TORCH_CHECK_VALUE(false, where, " cannot be ", dtype, at::IntArrayRef(shape));
  }
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
  header["__metadata__"] = metadata;
  header["__metadata__"][kChecksum] = checksum.text();
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
  const auto name = path.string();
  std::ifstream in(path, std::ios::binary);
  TORCH_CHECK_VALUE(in.good(), name, ": cannot be opened");
  const auto size = std::filesystem::file_size(path);
  uint64_t length = 0;
  in.read(reinterpret_cast<char*>(&length), sizeof length);
  TORCH_CHECK_VALUE(in.gcount() == sizeof length && length <= size - sizeof length, name,
                    ": truncated or no safetensors file");
  std::string text(length, '\0');
  in.read(text.data(), static_cast<std::streamsize>(length));
  const auto header = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  TORCH_CHECK_VALUE(header.is_object() && header.contains("__metadata__"), name, ": its header is damaged");

  SafetensorsFile file;
  try {
    file.metadata = header["__metadata__"].get<Metadata>();
    Checksum checksum;
    // In the order of the data, which is the order it was summed in.
    std::map<std::size_t, std::string> by_offset;
    std::size_t empty = 0;
    for (const auto& [tensor, entry] : header.items()) {
      if (tensor == "__metadata__") continue;
      const auto begin = entry.at("data_offsets").at(0).get<std::size_t>(),
                 end = entry["data_offsets"].at(1).get<std::size_t>();
      const auto data = described_by(entry, name + ": its header is damaged: " + tensor);
      TORCH_CHECK_VALUE(begin <= end && end - begin == data.nbytes() && end <= size - sizeof length - length, name,
                        ": truncated: ", tensor, " lies outside the file");
      in.seekg(static_cast<std::streamoff>(sizeof length + length + begin));
      in.read(static_cast<char*>(data.mutable_data_ptr()), static_cast<std::streamsize>(data.nbytes()));
      TORCH_CHECK_VALUE(in.good() || data.nbytes() == 0, name, ": ", tensor, " cannot be read");
      file.tensors.emplace(tensor, data);
      if (data.nbytes() > 0)
        by_offset.emplace(begin, tensor);
      else
        ++empty;
    }
    for (const auto& [begin, tensor] : by_offset)
      checksum.add(file.tensors.at(tensor).const_data_ptr(), file.tensors.at(tensor).nbytes());
    TORCH_CHECK_VALUE(by_offset.size() + empty == file.tensors.size() && file.metadata[kChecksum] == checksum.text(),
                      name, ": its data do not match their checksum; the file is damaged");
  } catch (const nlohmann::json::exception& e) {
    TORCH_CHECK_VALUE(false, name, ": its header is damaged: ", e.what());
  }
  return file;
}

}  // namespace fanion::record
