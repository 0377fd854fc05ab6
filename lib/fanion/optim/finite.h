#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <vector>

#include "fanion/names.h"

namespace fanion::optim {

/// What a NaN or Inf in a gradient does: `error` throws naming the parameter, before anything is changed;
/// `skip` leaves that parameter and its state alone; `ignore` does not look, which saves a read of the gradients and,
/// on an accelerator, the copies of what must not change (stacks.h).
enum class NonfinitePolicy { error, skip, ignore };

inline constexpr std::array<Named<NonfinitePolicy>, 3> kNonfinitePolicies{
    {{NonfinitePolicy::error, "error"}, {NonfinitePolicy::skip, "skip"}, {NonfinitePolicy::ignore, "ignore"}}};
constexpr const auto& names_of(NonfinitePolicy) { return kNonfinitePolicies; }

/// Whether each of them, all on one device, has a NaN or Inf: (n,) bool there, which nobody waits for. Cost: one read
/// of each, four calls in all.
at::Tensor nonfinite_flags(at::TensorList tensors);

/// Indices of the tensors with a NaN or Inf. Cost: one read of each, one device synchronisation in all.
std::vector<int64_t> nonfinite(at::TensorList tensors);

}  // namespace fanion::optim
