#pragma once

#include <ATen/core/Tensor.h>

#include <array>

#include "fanion/names.h"

namespace fanion::optim {

/// `ema`: B ← μB + (1−μ)g (torch, KyFan eq. 5); `sum`: B ← μB + g (Keller Jordan). LMO steps do not depend on
/// the scale of B, so the two differ only in rounding and in the first Nesterov steps. `ema` never leaves the range of
/// its gradients; entries of a `sum` stop at the largest number of B's dtype.
enum class MomentumKind { ema, sum };

inline constexpr std::array<Named<MomentumKind>, 2> kMomentumKinds{
    {{MomentumKind::ema, "ema"}, {MomentumKind::sum, "sum"}}};
constexpr const auto& names_of(MomentumKind) { return kMomentumKinds; }

/// What B is kept in: `float32` (float64 for float64 parameters), or `bfloat16`, rounded stochastically.
enum class MomentumDtype { float32, bfloat16 };

inline constexpr std::array<Named<MomentumDtype>, 2> kMomentumDtypes{
    {{MomentumDtype::float32, "float32"}, {MomentumDtype::bfloat16, "bfloat16"}}};
constexpr const auto& names_of(MomentumDtype) { return kMomentumDtypes; }

struct MomentumOptions {
  double momentum = 0.95;  ///< μ in [0, 1)
  bool nesterov = true;    ///< the direction is taken at (1−μ)g + μB (ema) or g + μB (sum), else at B
  MomentumKind kind = MomentumKind::ema;
  bool feedback = false;  ///< B is not decayed here, but by `feed_back_` (error_feedback.h): B ← B + …
};

/// Updates `buffer` in place with `grad` and returns the matrix the direction is taken at.
///
/// Both (…) of equal shape; the gradient is converted to the buffer's dtype. With `nesterov` the result is a
/// new tensor, otherwise it is the buffer itself, which callers must not write to. A bfloat16 buffer is updated in
/// float32, where the result stays, and rounded by `round_stochastically_` with the count `step`, which goes up by one.
at::Tensor update_momentum_(at::Tensor& buffer, const at::Tensor& grad, const MomentumOptions& options,
                            const at::Tensor& step = {});

}  // namespace fanion::optim
