#include "fanion/kernels/caches.h"

#include <unistd.h>

#include <algorithm>

namespace fanion::kernels {

std::int64_t first_level_cache() {
  static const std::int64_t bytes = std::max<std::int64_t>(sysconf(_SC_LEVEL1_DCACHE_SIZE), 32768);
  return bytes;
}

std::int64_t second_level_cache() {
  static const std::int64_t bytes = std::max<std::int64_t>(sysconf(_SC_LEVEL2_CACHE_SIZE), 262144);
  return bytes;
}

}  // namespace fanion::kernels
