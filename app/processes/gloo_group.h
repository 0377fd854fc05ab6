#pragma once

#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>

namespace fanion::processes {

/// A process group of Gloo, on the interfaces that GLOO_SOCKET_IFNAME lists with commas, else where the host's name
/// leads. Its collectives take tensors of the CPU.
c10::intrusive_ptr<c10d::ProcessGroup> gloo_group(const c10::intrusive_ptr<c10d::Store>& store, int64_t rank,
                                                  int64_t size, std::chrono::milliseconds timeout);

}  // namespace fanion::processes
