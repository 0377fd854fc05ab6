#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <vector>

#include "processes/launch.h"

namespace fanion::processes {

/// The processes that train together: one, or those of a torchrun, connected by Gloo. All of them make the same calls
/// in the same order. A call throws, saying who missed whom, where another process is gone, or keeps this one waiting
/// for longer than the time limit.
class World {
 public:
  /// One process.
  World();
  /// Meets the others. `seconds`: the time limit of this and of every later call.
  World(const Launch& launch, int64_t seconds);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  int64_t rank() const { return launch_.rank; }
  int64_t size() const { return launch_.size; }
  /// Whether this is the process that validates, writes and talks.
  bool is_first() const { return launch_.rank == 0; }
  /// A device of the options as this process takes it: of "cuda", the GPU of its place on its machine.
  std::string device(const std::string& of_options) const;

  /// Each tensor ← its mean over the processes; one collective for all of a dtype, through the host's memory.
  void average_(const std::vector<at::Tensor>& tensors) const;
  /// Whether it is so on any process.
  bool any(bool here) const;
  /// What the first process has for this text; it alone gives one.
  std::string of_first(const std::string& text) const;

 private:
  struct Group;
  Launch launch_;
  std::unique_ptr<Group> group_;
};

}  // namespace fanion::processes
