#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "fanion/optim/lmo_step.h"
#include "fanion/optim/nonfinite_log.h"
#include "fanion/optim/state.h"

namespace fanion::optim {

/// One parameter of a step, with its gradient and its state (`initial_state`); tensors of it are changed in place.
/// Of one that is spread over processes they are this process's blocks, and its gradient may be undefined: then it is
/// not stepped, on no process.
struct StepEntry {
  at::Tensor parameter, grad;
  NamedState state;
  std::size_t group = 0;     ///< whose settings it follows
  std::size_t position = 0;  ///< in its group, for messages
  std::string name = {};     ///< for messages; may be empty
  std::optional<distributed::Spread> spread = {};
};

/// What messages call it: "parameter 'blocks.0.weight'", or "parameter 3 of group 0 (shape [5])".
std::string label(const StepEntry& entry);

/// What a step is told beside its groups' settings.
struct StepCall {
  /// Takes what is found in gradients on an accelerator, so that the step waits for nothing; without one it waits.
  NonfiniteLog* log = nullptr;
  /// GradScaler's: one element, where it is not 0 nothing changes. Undefined: none.
  at::Tensor found_inf = {};
  Stacks stacks = Stacks::accelerators;
};

/// One step of every entry. A matrix rule's, stage by stage (KyFan eq. 5, 8; lmo_step.h):
/// check → momentum → direction → rescale → apply → feed back → retract; AdamW's is adamw_step.h's.
///
/// All options, shapes, dtypes, devices and gradients of all groups are checked before anything changes; a ValueError
/// names the first that cannot be used. A gradient with NaN or Inf follows its group's `nonfinite`; returns how many
/// parameters were skipped because of that. On an accelerator, with a `log`, flags decide there, nothing is waited for
/// and the log tells later. Matrices on the CPU are stepped by a thread each where several are small, the others by all
/// threads one after the other (`step_matrices`). Cost: that of the directions plus 8mn flops a matrix; of float32 on
/// the CPU, reads of the gradient (twice, once with `nonfinite` ignored) and the momentum, writes of the momentum and,
/// with `nesterov`, of what the direction is taken at, and a read and a write of W for each term of the direction.
/// Parameters that are spread are stepped by all processes of their mesh, each of which makes this call with the same
/// list (sharded_step.h); what is checked is checked by all of them (distributed/agreement.h).
int64_t step_(const std::vector<StepEntry>& entries, const std::vector<GroupSettings>& groups,
              const StepCall& call = {});

}  // namespace fanion::optim
