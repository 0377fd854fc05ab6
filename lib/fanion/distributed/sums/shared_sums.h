#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <functional>
#include <string>
#include <vector>

/// Work that goes on side by side as far as its sums over processes need it, so that these are made together.
namespace fanion::distributed {

/// All tasks, in turns: each runs until it ends or calls `sum_over` (collectives.h). Once those that have not ended all
/// wait there, what they wait for over one group is one call, by this thread, and each goes on with its share. So n
/// tasks with s sums each make s calls instead of n·s.
///
/// Only one task runs at a time. Each has a thread, with this one's thread-local state, number of threads and, on
/// `device`, stream. The processes of a group have to have the same tasks in the same order. The first error of a
/// task, or of a call, ends all the others where they wait, and comes out.
void with_shared_sums(const std::vector<std::function<void()>>& tasks, at::Device device);

/// In a task of `with_shared_sums`: waits for the sum with the other tasks and returns true. Elsewhere: false.
bool summed_with_others(std::vector<at::Tensor>& tensors, const std::string& group);

}  // namespace fanion::distributed
