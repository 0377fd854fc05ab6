#pragma once

#include <functional>

#include "fanion/linalg/svd_options.h"

namespace fanion::linalg {

/// AᵀA X, or AAᵀ X if `adjoint`, of the matrix that an operator stands for, in the operator's units.
using ExactGram = std::function<at::Tensor(const at::Tensor& X, bool adjoint)>;

/// The options of a run, and what mixed precision asks of a Krylov method beside them.
struct InnerOptions : SvdOptions {
  /// `passes`: ends sooner where all ‖Aᵀû − σ̂v̂‖ are at most this, in A's units, and starts from mixtures of the guess
  /// where there is one. 0: neither.
  double enough = 0;
  /// `passes`: V is corrected at the end by a product with what A stands for (projected_correction.h); residuals
  /// remain those of A without, and there are no bounds.
  ExactGram exact;
};

}  // namespace fanion::linalg
