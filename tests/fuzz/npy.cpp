#include "data/npy.h"

#include <ATen/ops/equal.h>
#include <ATen/ops/isnan.h>

#include "target.h"

namespace fanion::fuzz {
namespace {

std::string npy_with(const std::string& header, const std::string& data, char version = 1) {
  const auto length = header.size();
  std::string bytes = std::string("\x93NUMPY") + version + '\0' + static_cast<char>(length & 0xff) +
                      static_cast<char>(length >> 8 & 0xff);
  if (version > 1) bytes += std::string(2, '\0');
  return bytes + header + data;
}

void read_npy(std::string_view input) {
  const auto A = data::read_npy(file_of(input, "A.npy"));
  if (A.scalar_type() != at::kFloat && A.scalar_type() != at::kDouble) return;
  const auto copy = file_of("", "copy.npy");
  data::write_npy(copy, A);
  const auto again = data::read_npy(copy);
  TORCH_CHECK(again.sizes() == A.sizes() && (at::equal(A, again) || at::isnan(A).any().item<bool>()),
              "what was written reads otherwise");
}

}  // namespace

Target npy() {
  const std::string floats("\0\0\x80?\0\0\0@\0\0@@\0\0\x80@\0\0\xa0@\0\0\xc0@", 24);
  return {"npy",
          {npy_with("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n", floats),
           npy_with("{'descr': '>f4', 'fortran_order': True, 'shape': (3, 2), }\n", floats),
           npy_with("{'shape': (3,), 'descr': '<f8', 'fortran_order': False}", floats, 2),
           npy_with("{'descr': '<V2', 'fortran_order': False, 'shape': (12L,), }\n", floats, 3),
           npy_with("{'descr': '<f2', 'fortran_order': False, 'shape': (), }\n", floats.substr(0, 2)),
           npy_with("{'descr': [('x', '<f4'), ('y', '<f4')], 'fortran_order': False, 'shape': (3,), }\n", floats),
           npy_with("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 4611686018427387904, 9), }\n", ""),
           npy_with("{'descr': '<f4', 'fortran_order': False, 'shape': (" + std::string(4000, '9') + ",), }\n", "")},
          {"'descr'", "'fortran_order'", "'shape'", "True", "False", "(2, 3)", "(", ")", ",", ":", "'<f8'", "'|V2'",
           "{", "}", "9223372036854775807", "'", "L"},
          read_npy};
}

}  // namespace fanion::fuzz
