#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

#include "fanion/distributed/spread.h"

namespace fanion::distributed {

/// A tensor of which each process of a mesh has a block.
struct SpreadPart {
  at::Tensor block;
  std::vector<int64_t> dimensions;  ///< for each axis of the mesh the one split along it, −1 where each process has all
};

/// Work on whole tensors, such as a matrix and its warm start.
struct OwnedWork {
  const Spread* spread;  ///< gives the axes and the shares along them; one axis splits at least
  std::vector<SpreadPart> parts;
  /// Takes the whole parts and gives new ones of the same sizes; called on one process of the first axis that splits.
  std::function<std::vector<at::Tensor>(const std::vector<at::Tensor>&)> run;
};

/// Every work done by one process, its owner, on whole tensors, and this process's blocks of what it gives.
///
/// Along the first axis that splits the owners take turns, in the order of the list: one packed all-to-all brings the
/// blocks to them, and one takes the results back, for all works that share that axis's group and a dtype. Along the
/// other axes that split, blocks are gathered before. The list has to be the same on all processes of a mesh.
/// Traffic of a process for one matrix of mn entries on p processes: it sends and receives mn/p entries each way (less
/// the p-th part that stays), whatever p.
std::vector<std::vector<at::Tensor>> by_owners(const std::vector<OwnedWork>& works);

}  // namespace fanion::distributed
