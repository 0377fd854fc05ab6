#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "fanion/distributed/spread.h"

namespace fanion::distributed {

/// What this process says of a spread parameter before a step.
struct Statement {
  const Spread* spread;
  std::string name;                ///< what messages call it
  std::vector<std::string> facts;  ///< all that has to be the same on every process: sizes, dtype, rule, options
  bool is_nonfinite = false;       ///< whether its block's gradient has NaN or Inf
  at::Device device;               ///< where its group's collectives take tensors
};

/// One decision of all processes that share a mesh: sets `is_nonfinite` of each statement where any of them says so.
///
/// `refusal`: why this process does not step, or nothing; then the others of its meshes throw as well, instead of
/// waiting for it. ValueError on every process, before anything has changed: the statements differ (the first that does
/// is named, with what both say), or another process refuses.
/// Cost: for each mesh and axis one all-reduce of four numbers, and one of a number a parameter where some gradient is
/// not finite. The list has to hold all spread parameters of the step, also those of no interest.
void agree(std::vector<Statement>& statements, const std::string& refusal);

}  // namespace fanion::distributed
