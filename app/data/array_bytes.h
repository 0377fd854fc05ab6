#pragma once

#include <c10/core/ScalarType.h>

#include <cstdint>
#include <string>
#include <vector>

namespace fanion::data {

/// Bytes that a contiguous array takes. Throws, beginning with `where`, if an extent is negative, there are more than
/// 64 of them (NumPy's most), or sizes, strides or bytes leave 63 bits.
int64_t array_bytes(const std::vector<int64_t>& shape, at::ScalarType dtype, const std::string& where);

}  // namespace fanion::data
