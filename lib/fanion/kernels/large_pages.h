#pragma once

#include <ATen/core/Tensor.h>

namespace fanion::kernels {

/// Uninitialised tensor; on the CPU in large pages where the system has them to give on request (Linux's madvise).
///
/// For buffers of many megabytes that are written once and used a few times: a first touch of a small page costs as
/// much as a read of several of them, and even large pages are cleared by the system first, at as little as 2 GB/s on
/// virtual machines. So a buffer that is freed is kept for the next call, up to `kMostKept` bytes in all; results of
/// the library may live in one. Safe to call from any thread.
at::Tensor empty_in_large_pages(at::IntArrayRef sizes, at::IntArrayRef strides, const at::TensorOptions& options);
at::Tensor empty_in_large_pages(at::IntArrayRef sizes, const at::TensorOptions& options);  ///< contiguous

constexpr std::size_t kMostKept = std::size_t{256} << 20U;

/// Gives the buffers that are kept back to the system; their bytes.
std::size_t release_large_pages();

}  // namespace fanion::kernels
