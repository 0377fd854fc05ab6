#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

namespace fanion {

struct OverNormOptions {
  double least = 0;                       ///< what divides where the norm is smaller
  std::optional<at::ScalarType> dtype{};  ///< of the result; X's own where there is none
  bool narrow_first = false;  ///< whether X is rounded to `dtype` before its norms are taken, and they are too
};

/// X / max(‖X‖₂, least) of every slice along `dims`, whatever its scale; of the whole where there are none. Zero slices
/// stay zero.
///
/// X: any shape, dtype and device. Norms are summed in double; slices whose squares or norms leave the range are
/// divided at another scale (power_of_two.h), which the host decides on the CPU alone: an accelerator always does for
/// float64, and never for fewer bits, of which it takes norms within the dtype's normal numbers. Cost: two reads and a
/// write; where they leave the range, two reads and a write more.
at::Tensor over_norm(const at::Tensor& X, at::OptionalIntArrayRef dims, const OverNormOptions& options = {});

}  // namespace fanion
