#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <vector>

namespace fanion::norms {

/// How a matrix, or each of a batch, is spread over processes, as the sums that a contraction of this process's block
/// needs. A matrix that lies whole here has none.
struct MatrixLayout {
  /// Replaces tensors by their sums over the processes; several of one moment by one call. Empty: nothing to add up.
  using Sum = std::function<void(std::vector<at::Tensor>&)>;

  int64_t m = 0, n = 0;  ///< of the whole matrix
  Sum over_rows = {};    ///< after a contraction over rows: Xᵀ Y, YᵀY
  Sum over_columns = {};  ///< after one over columns: X V, VᵀV
};

}  // namespace fanion::norms
