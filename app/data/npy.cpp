#include "data/npy.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <fstream>
#include <numeric>
#include <string>
#include <vector>

#include "data/array_bytes.h"
#include "data/npy_header.h"
#include "data/open_file.h"

namespace fanion::data {
namespace {

static_assert(std::endian::native == std::endian::little, "what is written is little-endian");

constexpr std::string_view kNpyMagic = "\x93NUMPY";
constexpr int64_t kLongestHeader = 1U << 20U;  // far above what any array of numbers needs
constexpr int64_t kAlignment = 64;             // of the data in what is written, as NumPy's own

void swap_bytes(at::Tensor& tensor) {
  const auto item = static_cast<std::ptrdiff_t>(tensor.element_size());
  auto* bytes = static_cast<char*>(tensor.data_ptr());
  for (int64_t i = 0; i < tensor.numel(); ++i, bytes += item) std::reverse(bytes, bytes + item);
}

}  // namespace

at::Tensor read_npy(const std::filesystem::path& file) {
  auto [in, size, name] = open_file(file);
  std::array<char, 8> start{};
  in.read(start.data(), start.size());
  TORCH_CHECK_VALUE(in.gcount() == 8 && std::string_view(start.data(), 6) == kNpyMagic, name,
                    ": not a .npy file (numpy.save writes one): it does not start with \\x93NUMPY");
  const int major = static_cast<unsigned char>(start[6]);
  TORCH_CHECK_VALUE(major >= 1 && major <= 3, name, ": .npy version ", major, "; allowed are 1, 2 and 3");
  const int64_t length_bytes = major == 1 ? 2 : 4;
  std::array<unsigned char, 4> raw{};
  in.read(reinterpret_cast<char*>(raw.data()), length_bytes);
  const int64_t length = raw[0] + 256 * (raw[1] + 256 * (raw[2] + int64_t{256} * raw[3]));
  const int64_t begin = 8 + length_bytes + length;
  TORCH_CHECK_VALUE(in.good() && begin <= size, name, ": truncated in its header");
  TORCH_CHECK_VALUE(length <= kLongestHeader, name, ": a header of ", length, " bytes; at most ", kLongestHeader,
                    " are read");
  std::string text(length, '\0');
  in.read(text.data(), length);
  const auto header = parse_npy_header(text, name);

  const auto bytes = array_bytes(header.shape, header.dtype, name);
  TORCH_CHECK_VALUE(size - begin == bytes, name, ": shape ", at::IntArrayRef(header.shape), " takes ", bytes,
                    " bytes, but the file holds ", size - begin);
  auto shape = header.shape;
  if (header.fortran) std::reverse(shape.begin(), shape.end());
  auto tensor = at::empty(shape, header.dtype);
  in.read(static_cast<char*>(tensor.data_ptr()), bytes);
  TORCH_CHECK_VALUE(in.gcount() == bytes, name, ": could not read its ", bytes, " bytes");
  if (header.big_endian) swap_bytes(tensor);
  if (!header.fortran) return tensor;
  std::vector<int64_t> order(shape.size());
  std::iota(order.rbegin(), order.rend(), 0);
  return tensor.permute(order);
}

void write_npy(const std::filesystem::path& file, const at::Tensor& tensor) {
  TORCH_CHECK(tensor.scalar_type() == at::kFloat || tensor.scalar_type() == at::kDouble,
              "only float32 and float64 are written as .npy, got ", tensor.scalar_type());
  std::string text = std::string("{'descr': '") + (tensor.scalar_type() == at::kFloat ? "<f4" : "<f8") +
                     "', 'fortran_order': False, 'shape': (";
  for (const auto extent : tensor.sizes()) text += std::to_string(extent) + ",";
  text += "), }";
  while ((10 + static_cast<int64_t>(text.size()) + 1) % kAlignment != 0) text += ' ';
  text += '\n';
  std::ofstream out(file, std::ios::binary);
  out << kNpyMagic << '\1' << '\0' << static_cast<char>(text.size() & 0xffU) << static_cast<char>(text.size() >> 8U)
      << text;
  const auto data = tensor.cpu().contiguous();
  out.write(static_cast<const char*>(data.data_ptr()), static_cast<std::streamsize>(data.nbytes()));
  out.close();
  TORCH_CHECK(out.good(), "cannot write ", file.string());
}

}  // namespace fanion::data
