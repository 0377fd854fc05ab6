#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>

namespace fanion::data {

/// Reads a NumPy .npy file: little-endian float32, float64 or float16, C or Fortran order, any number of dimensions.
///
/// Format: magic "\x93NUMPY", version 1.0 (2-byte header length) or 2.0 (4-byte), a Python dict literal with descr,
/// fortran_order and shape, then the raw data. Throws, naming the file, what was given and what is allowed.
/// Source: NumPy's documentation of numpy.lib.format.
at::Tensor read_npy(const std::filesystem::path& file);

/// Writes a float32 or float64 tensor as version 1.0 in C order.
void write_npy(const std::filesystem::path& file, const at::Tensor& tensor);

}  // namespace fanion::data
