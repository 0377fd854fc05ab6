#pragma once

#include <vector>

#include "fanion/optim/step.h"

namespace fanion::optim {

/// What passed the checks.
struct CheckedStep {
  struct Entry {
    std::size_t index;
    at::Tensor go;  ///< whether it is stepped, 0-dimensional on its device; undefined: it is
  };
  std::vector<Entry> active;
  int64_t skipped = 0;  ///< entries left alone for their gradients, as far as the host knows
};

/// The first stage of a step: throws a ValueError, naming the option or the parameter, where something does not fit;
/// changes nothing. Returns the entries to step, all but those whose gradient is to be skipped or is undefined.
///
/// Looked at: every group's options; that no parameter is listed twice; dtype and layout of parameter and gradient;
/// sizes, dtype, device of gradient and state against what `state_kinds` asks for; NaN and Inf in gradients and warm
/// starts, unless `nonfinite` is `ignore`. Cost: a read of the gradients and one device synchronisation in all; none
/// where stacks are stepped and the call has a log: flags go with the entries then, with `error` one for all those of a
/// device, and what would be thrown is noted in the log.
/// Of parameters spread over processes, that all of these say the same, and whether any has found NaN or Inf, by the
/// host (distributed/agreement.h).
CheckedStep check_step(const std::vector<StepEntry>& entries, const std::vector<GroupSettings>& groups,
                       const StepCall& call = {});

}  // namespace fanion::optim
