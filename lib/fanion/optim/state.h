#pragma once

#include <string>
#include <utility>
#include <vector>

#include "fanion/optim/group_settings.h"

namespace fanion::optim {

/// A kind of state tensor and what one of a given parameter looks like.
struct StateKind {
  const char* name;
  std::vector<int64_t> sizes;
  at::ScalarType dtype;
};

/// The kinds that a parameter keeps under its group's settings, in a fixed order; throws where the rule does not fit
/// it.
///
/// A matrix rule: momentum_buffer in the parameter's shape (float32, or float64 for float64 parameters), warm_start
/// (n, warm_columns), and momentum_step, 0-dimensional, for a bfloat16 momentum_buffer, second_moment, (m, 1) or (m,
/// n), for `adapt`; for `cosmos_rank` r cosmos_basis (n, r), cosmos_covariance (r, r), cosmos_second_moment (m, r),
/// cosmos_step and cosmos_exponent, 0-dimensional (cosmos.h). A parameter that holds several matrices (held_matrices.h)
/// has second moments with its leading dimensions in front, and of all others but the momentum_buffer one a matrix,
/// with the leading dimensions and the number of matrices in front: (E, 2, n, columns). AdamW: exp_avg and exp_avg_sq
/// in its shape and dtype, and step (0-dimensional float32).
///
/// `whole`: the sizes of the whole of which the parameter is a block, where it is spread over processes. Then
/// momentum_buffer and second_moment are blocks alike, and warm_start, where it has columns, as many rows as the block
/// has columns; with `cosmos_rank` it throws.
std::vector<StateKind> state_kinds(const at::Tensor& parameter, const GroupSettings& settings,
                                   at::OptionalIntArrayRef whole = std::nullopt);

/// Kind and tensor, for one parameter.
using NamedState = std::vector<std::pair<std::string, at::Tensor>>;

/// The state before the first step: zeros, and for warm_start and cosmos_basis Gaussian numbers from a fixed seed. Of a
/// block of a `whole` the warm start is that of all columns, of which the caller takes those of the block.
NamedState initial_state(const at::Tensor& parameter, const GroupSettings& settings,
                         at::OptionalIntArrayRef whole = std::nullopt);

}  // namespace fanion::optim
