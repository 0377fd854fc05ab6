#pragma once

#include <c10/core/ScalarType.h>

#include "fanion/names.h"

namespace fanion {

inline constexpr std::array<Named<at::ScalarType>, 4> kDtypes{
    {{at::kFloat, "float32"}, {at::kDouble, "float64"}, {at::kBFloat16, "bfloat16"}, {at::kHalf, "float16"}}};

inline at::ScalarType dtype_from_name(std::string_view name) { return parse_name(kDtypes, name, "dtype"); }
inline std::string_view dtype_name(at::ScalarType dtype) { return find_name(kDtypes, dtype); }

}  // namespace fanion
