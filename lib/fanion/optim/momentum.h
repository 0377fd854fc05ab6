#pragma once

#include <ATen/core/Tensor.h>

#include <string_view>

namespace fanion::optim {

/// `ema`: B ← μB + (1−μ)g (torch, KyFan eq. 5); `sum`: B ← μB + g (Keller Jordan). LMO steps do not depend on
/// the scale of B, so the two differ only in rounding and in the first Nesterov steps. `ema` never leaves the range of
/// its gradients; entries of a `sum` stop at the largest number of B's dtype.
enum class MomentumKind { ema, sum };

struct MomentumOptions {
  double momentum = 0.95;  ///< μ in [0, 1)
  bool nesterov = true;    ///< the direction is taken at (1−μ)g + μB (ema) or g + μB (sum), else at B
  MomentumKind kind = MomentumKind::ema;
};

/// Updates `buffer` in place with `grad` and returns the matrix the direction is taken at.
///
/// Both (…) of equal shape; the gradient is converted to the buffer's dtype. With `nesterov` the result is a
/// new tensor, otherwise it is the buffer itself, which callers must not write to.
at::Tensor update_momentum_(at::Tensor& buffer, const at::Tensor& grad, const MomentumOptions& options);

MomentumKind momentum_kind_from_name(std::string_view name);
std::string_view name_of(MomentumKind kind);

}  // namespace fanion::optim
