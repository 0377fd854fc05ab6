#pragma once

#include "fanion/linalg/newton_schulz.h"

namespace fanion::linalg {

/// Smaller side from which arithmetic is what Newton–Schulz takes its time for, and rounding to 16 bits pays.
constexpr int64_t kManyRows = 256;

/// `options` for a training step at M, (m, n) or a batch: what they leave open, dtype and form, by the fixed table
///
///   on accelerators                          bfloat16, direct (float16 where the Gram form is asked for)
///   float64, or a side below `kManyRows`     M's own (float32 for 16 bits), direct
///   processors that multiply bfloat16 pairs  bfloat16, the form with less arithmetic
///   other processors                         float32, the form with less arithmetic
///
/// Nothing is timed: the same processor features and shape, the same choice.
NewtonSchulzOptions chosen_newton_schulz(const at::Tensor& M, NewtonSchulzOptions options);

/// Arithmetic of all steps for m ≤ n, in products of m × m matrices, with as few tiles of symmetric products as
/// `symmetric_product` takes; infinite for a Gram form that would restart after every step.
double newton_schulz_products(int64_t m, int64_t n, NewtonSchulzForm form, at::ScalarType dtype,
                              const std::vector<Quintic>& steps);

}  // namespace fanion::linalg
