#include "data/npy.h"

#include <ATen/ops/empty.h>

#include <bit>
#include <cstdint>
#include <fstream>
#include <numeric>
#include <regex>
#include <string>
#include <vector>

namespace fanion::data {
namespace {

static_assert(std::endian::native == std::endian::little, "the files are little-endian");

constexpr std::string_view kNpyMagic = "\x93NUMPY";
constexpr int64_t kLongestHeader = 1 << 20;  // far above what any array of numbers needs
constexpr int64_t kAlignment = 64;           // of the data in what is written, as NumPy's own

struct Header {
  at::ScalarType dtype;
  bool fortran;
  std::vector<int64_t> shape;
};

/// What `pattern` captures in the dict literal.
std::string entry(const std::string& text, const char* key, const char* value, const std::string& name) {
  std::smatch found;
  const std::regex pattern(std::string("['\"]") + key + "['\"]\\s*:\\s*" + value);
  TORCH_CHECK_VALUE(std::regex_search(text, found, pattern), name, ": the .npy header has no readable '", key, "'");
  return found[1];
}

Header parse(const std::string& text, const std::string& name) {
  const auto descr = entry(text, "descr", "['\"]([^'\"]*)['\"]", name);
  Header header{at::kFloat, entry(text, "fortran_order", "(True|False)", name) == "True", {}};
  if (descr == "<f8")
    header.dtype = at::kDouble;
  else if (descr == "<f2")
    header.dtype = at::kHalf;
  else
    TORCH_CHECK_VALUE(descr == "<f4", name, ": holds dtype '", descr,
                      "'; allowed are little-endian float32 '<f4', float64 '<f8' and float16 '<f2'");
  const auto shape = entry(text, "shape", "\\(([0-9,\\sL]*)\\)", name);
  const std::regex number("[0-9]{1,18}");
  for (std::sregex_iterator it(shape.begin(), shape.end(), number), end; it != end; ++it)
    header.shape.push_back(std::stoll(it->str()));
  return header;
}

}  // namespace

at::Tensor read_npy(const std::filesystem::path& file) {
  const auto name = file.string();
  TORCH_CHECK_VALUE(std::filesystem::exists(file), name, ": no such file");
  TORCH_CHECK_VALUE(std::filesystem::is_regular_file(file), name, ": not a file");
  std::ifstream in(file, std::ios::binary);
  TORCH_CHECK_VALUE(in.good(), name, ": cannot be opened for reading");
  const auto size = static_cast<int64_t>(std::filesystem::file_size(file));

  std::array<char, 8> start{};
  in.read(start.data(), start.size());
  TORCH_CHECK_VALUE(in.gcount() == 8 && std::string_view(start.data(), 6) == kNpyMagic, name,
                    ": not a .npy file (numpy.save writes one): it does not start with \\x93NUMPY");
  const int major = start[6];
  TORCH_CHECK_VALUE(major == 1 || major == 2, name, ": .npy version ", major, "; allowed are 1 and 2");
  const int64_t length_bytes = major == 1 ? 2 : 4;
  std::array<unsigned char, 4> raw{};
  in.read(reinterpret_cast<char*>(raw.data()), length_bytes);
  const int64_t length = raw[0] | raw[1] << 8 | int64_t{raw[2]} << 16 | int64_t{raw[3]} << 24;
  const int64_t begin = 8 + length_bytes + length;
  TORCH_CHECK_VALUE(in.good() && length <= kLongestHeader && begin <= size, name, ": truncated in its header");
  std::string text(length, '\0');
  in.read(text.data(), length);
  const auto header = parse(text, name);

  const auto item = static_cast<int64_t>(c10::elementSize(header.dtype));
  int64_t bytes = item;
  for (const auto extent : header.shape)
    TORCH_CHECK_VALUE(!__builtin_mul_overflow(bytes, extent, &bytes), name, ": its shape ",
                      at::IntArrayRef(header.shape), " is too large for any memory");
  TORCH_CHECK_VALUE(size - begin == bytes, name, ": shape ", at::IntArrayRef(header.shape), " takes ", bytes,
                    " bytes, but the file holds ", size - begin);
  auto shape = header.shape;
  if (header.fortran) std::reverse(shape.begin(), shape.end());
  auto tensor = at::empty(shape, header.dtype);
  in.read(static_cast<char*>(tensor.data_ptr()), bytes);
  TORCH_CHECK_VALUE(in.gcount() == bytes, name, ": could not read its ", bytes, " bytes");
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
  out << kNpyMagic << '\1' << '\0' << static_cast<char>(text.size() & 0xff) << static_cast<char>(text.size() >> 8)
      << text;
  const auto data = tensor.cpu().contiguous();
  out.write(static_cast<const char*>(data.data_ptr()), static_cast<std::streamsize>(data.nbytes()));
  out.close();
  TORCH_CHECK(out.good(), "cannot write ", file.string());
}

}  // namespace fanion::data
