#pragma once

#include <ATen/core/Tensor.h>

#include "fanion/linalg/svd_options.h"

namespace fanion::linalg {

/// Standard Gaussian (rows, cols) from the options' generator, or from a fixed one.
at::Tensor random_block(int64_t rows, int64_t cols, const at::TensorOptions& like, const SvdOptions& options);
/// X ← X + scale·N for such an N.
void add_random(const at::Tensor& X, double scale, const SvdOptions& options);
/// The first `columns` of a guess, leading ones of what a call returned, with random ones where it has fewer; a view of
/// it where it has enough.
at::Tensor resized_guess(const at::Tensor& guess, int64_t columns, const SvdOptions& options);

}  // namespace fanion::linalg
