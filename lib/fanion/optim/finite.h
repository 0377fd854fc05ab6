#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <string_view>
#include <vector>

namespace fanion::optim {

/// What a NaN or Inf in a gradient does: `error` throws naming the parameter, before anything is changed;
/// `skip` leaves that parameter and its state alone; `ignore` does not look, which saves a read of the
/// gradients and, on an accelerator, the wait for it.
enum class NonfinitePolicy { error, skip, ignore };

/// Indices of the gradients with a NaN or Inf. Cost: one read of each, one device synchronisation in all.
std::vector<int64_t> nonfinite_gradients(at::TensorList grads);

/// Applies the policy: throws, or returns one flag per gradient saying whether to skip it.
/// `names` may be empty; otherwise it has one entry per gradient.
std::vector<bool> check_gradients(at::TensorList grads, const std::vector<std::string>& names, NonfinitePolicy policy);

NonfinitePolicy nonfinite_policy_from_name(std::string_view name);
std::string_view name_of(NonfinitePolicy policy);

}  // namespace fanion::optim
