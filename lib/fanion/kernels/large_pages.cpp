#include "fanion/kernels/large_pages.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include <cstdlib>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace fanion::kernels {

at::Tensor empty_in_large_pages(at::IntArrayRef sizes, const at::TensorOptions& options) {
#ifdef __linux__
  constexpr std::size_t kPage = std::size_t{2} << 20U;
  const auto wanted = static_cast<std::size_t>(c10::multiply_integers(sizes)) * options.dtype().itemsize();
  if (options.device().is_cpu() && wanted >= 2 * kPage) {
    const std::size_t bytes = (wanted + kPage - 1) / kPage * kPage;
    void* data = std::aligned_alloc(kPage, bytes);
    TORCH_CHECK_WITH(OutOfMemoryError, data != nullptr, "no memory for ", bytes, " bytes");
    madvise(data, bytes, MADV_HUGEPAGE);  // where it fails, pages are small
    return at::from_blob(data, sizes, [](void* p) { std::free(p); }, options);
  }
#endif
  return at::empty(sizes, options);
}

}  // namespace fanion::kernels
