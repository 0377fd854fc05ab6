#include "data/array_bytes.h"

#include <c10/util/ArrayRef.h>
#include <c10/util/Exception.h>

#include <algorithm>

namespace fanion::data {

int64_t array_bytes(const std::vector<int64_t>& shape, at::ScalarType dtype, const std::string& where) {
  constexpr std::size_t kMostDimensions = 64;
  TORCH_CHECK_VALUE(shape.size() <= kMostDimensions, where, ": has ", shape.size(), " dimensions; at most ",
                    kMostDimensions, " are allowed");
  const auto item = static_cast<int64_t>(c10::elementSize(dtype));
  int64_t span = item;  // with empty extents counted as 1, as strides do
  bool empty = false;
  for (const auto extent : shape) {
    TORCH_CHECK_VALUE(extent >= 0, where, ": its shape ", at::IntArrayRef(shape), " has a negative extent");
    TORCH_CHECK_VALUE(!__builtin_mul_overflow(span, std::max<int64_t>(extent, 1), &span), where, ": its shape ",
                      at::IntArrayRef(shape), " is too large for any memory");
    empty = empty || extent == 0;
  }
  return empty ? 0 : span;
}

}  // namespace fanion::data
