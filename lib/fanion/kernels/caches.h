#pragma once

#include <cstdint>

namespace fanion::kernels {

/// Bytes that the last cache of today's processors has, or what they leave to one of several machines that share it.
constexpr std::int64_t kLastCache = std::int64_t{16} * 1024 * 1024;

/// Bytes of the first- and the second-level cache of a core.
std::int64_t first_level_cache();
std::int64_t second_level_cache();

}  // namespace fanion::kernels
