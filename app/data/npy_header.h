#pragma once

#include <c10/core/ScalarType.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fanion::data {

struct NpyHeader {
  at::ScalarType dtype = at::kFloat;
  bool big_endian = false;
  bool fortran = false;
  std::vector<int64_t> shape;
};

/// The dict literal of a .npy file, "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }", in one pass and
/// without recursion. Its three keys may come in any order. '<V2' is taken for bfloat16, as ml_dtypes writes it.
/// Throws, beginning with `source`, with what was found and what is allowed.
/// Source: NumPy's documentation of numpy.lib.format.
NpyHeader parse_npy_header(std::string_view text, const std::string& source);

}  // namespace fanion::data
