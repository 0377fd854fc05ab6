#include "fanion/kernels/large_pages.h"

#include <ATen/EmptyTensor.h>
#include <ATen/ops/empty_strided.h>
#include <ATen/ops/from_blob.h>
#include <c10/util/strides.h>

#include <cstdlib>
#include <mutex>
#include <vector>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace fanion::kernels {
namespace {

constexpr std::size_t kPage = std::size_t{2} << 20U;

struct Buffer {
  void* data;
  std::size_t bytes;
};

/// Freed buffers, oldest first.
class Pool {
 public:
  /// The smallest that holds `bytes` and is not over twice as large; none: {nullptr, 0}.
  Buffer take(std::size_t bytes) {
    const std::scoped_lock lock(mutex_);
    auto best = kept_.end();
    for (auto each = kept_.begin(); each != kept_.end(); ++each)
      if (each->bytes >= bytes && each->bytes <= 2 * bytes && (best == kept_.end() || each->bytes < best->bytes))
        best = each;
    if (best == kept_.end()) return {nullptr, 0};
    const Buffer found = *best;
    kept_.erase(best);
    return found;
  }

  void put(Buffer freed) {
    const std::scoped_lock lock(mutex_);
    kept_.push_back(freed);
    std::size_t total = 0;
    for (const auto& each : kept_) total += each.bytes;
    for (; total > kMostKept; kept_.erase(kept_.begin())) {
      total -= kept_.front().bytes;
      std::free(kept_.front().data);
    }
  }

  std::size_t release() {
    const std::scoped_lock lock(mutex_);
    std::size_t total = 0;
    for (const auto& each : kept_) {
      total += each.bytes;
      std::free(each.data);
    }
    kept_.clear();
    return total;
  }

 private:
  std::mutex mutex_;
  std::vector<Buffer> kept_;
};

/// Never destroyed: tensors may outlive every static object.
Pool& pool() {
  static auto* one = new Pool;
  return *one;
}

Buffer fresh(std::size_t wanted) {
  const std::size_t bytes = (wanted + kPage - 1) / kPage * kPage;
  void* data = std::aligned_alloc(kPage, bytes);
  TORCH_CHECK_WITH(OutOfMemoryError, data != nullptr, "no memory for ", bytes, " bytes");
#ifdef __linux__
  madvise(data, bytes, MADV_HUGEPAGE);  // where it fails, pages are small
#endif
  return {data, bytes};
}

}  // namespace

at::Tensor empty_in_large_pages(at::IntArrayRef sizes, const at::TensorOptions& options) {
  return empty_in_large_pages(sizes, c10::contiguous_strides(sizes), options);
}

at::Tensor empty_in_large_pages(at::IntArrayRef sizes, at::IntArrayRef strides, const at::TensorOptions& options) {
  const auto wanted = at::detail::computeStorageNbytes(sizes, strides, options.dtype().itemsize());
  if (!options.device().is_cpu()) return at::empty_strided(sizes, strides, options);
  if (wanted < 2 * kPage) return at::Tensor(at::detail::empty_strided_cpu(sizes, strides, options));
  auto buffer = pool().take(wanted);
  if (buffer.data == nullptr) buffer = fresh(wanted);
  return at::from_blob(buffer.data, sizes, strides, [buffer](void*) { pool().put(buffer); }, options);
}

std::size_t release_large_pages() { return pool().release(); }

}  // namespace fanion::kernels
