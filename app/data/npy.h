#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>

namespace fanion::data {

/// Reads a NumPy .npy file: float32, float64 or float16 of either endianness, or ml_dtypes' bfloat16; C or Fortran
/// order, up to 64 dimensions.
///
/// Format: magic "\x93NUMPY", version 1.0 (2-byte header length), 2.0 or 3.0 (4-byte), a Python dict literal (see
/// npy_header.h), then the raw data. Throws, naming the file, what was given and what is allowed.
/// Source: NumPy's documentation of numpy.lib.format.
at::Tensor read_npy(const std::filesystem::path& file);

/// Writes a float32 or float64 tensor as version 1.0 in C order.
void write_npy(const std::filesystem::path& file, const at::Tensor& tensor);

}  // namespace fanion::data
