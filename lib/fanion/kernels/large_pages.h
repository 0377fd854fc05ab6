#pragma once

#include <ATen/core/Tensor.h>

namespace fanion::kernels {

/// Uninitialised tensor; on the CPU in large pages where the system has them to give on request (Linux's madvise).
///
/// For buffers of many megabytes that are written once and used a few times: a first touch of a small page costs as
/// much as a read of several of them (50 MB: 14 ms in pages of 4 KiB, 2 ms in pages of 2 MiB).
at::Tensor empty_in_large_pages(at::IntArrayRef sizes, const at::TensorOptions& options);

}  // namespace fanion::kernels
