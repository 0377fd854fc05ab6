#pragma once

#include <vector>

#include "fanion/optim/step.h"

/// The search for NaN and Inf before a step, by each group's `nonfinite`: on the host, or by flags on a device that the
/// host does not wait for.
namespace fanion::optim {

/// What is looked at: a gradient, or a warm start, of an entry.
struct Look {
  at::Tensor tensor;
  std::size_t entry;
  bool is_gradient, may_skip;
};

/// All that the groups' policies ask for.
std::vector<Look> looks(const std::vector<StepEntry>& entries, const std::vector<GroupSettings>& groups);

/// On the host: flags in `bad` the entries whose gradient has NaN or Inf; throws for a warm start.
void look_now(const std::vector<StepEntry>& entries, const std::vector<Look>& all, std::vector<bool>& bad);

/// Throws where a group's policy says so of one of the entries that are `bad`.
void refuse_nonfinite(const std::vector<StepEntry>& entries, const std::vector<GroupSettings>& groups,
                      const std::vector<bool>& bad);

/// On one device, where all of `all` is: flags in `go`, by the entries' index, and what the call's log is to know.
void look_there(const std::vector<StepEntry>& entries, const std::vector<Look>& all, const StepCall& call,
                std::vector<at::Tensor>& go);

}  // namespace fanion::optim
