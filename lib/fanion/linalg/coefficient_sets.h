#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "fanion/linalg/quintic.h"

namespace fanion::linalg {

/// A named list of Newton–Schulz steps and what it does to a singular value x, relative to ‖M‖_F.
struct CoefficientSet {
  std::string_view name;
  std::string_view source;
  std::vector<Quintic> coefficients;  ///< one for every step, or one per step
  int64_t steps;
  /// In exact arithmetic x in [from, to] comes out in [low, high] after all `steps`, and x below `from` in (0, high].
  double from, to, low, high;
};

/// Every set that has a name:
///
/// | name                 | steps | x            | comes out in     | who has it                                     |
/// |----------------------|-------|--------------|------------------|------------------------------------------------|
/// | `quintic`            | 5     | ≥ 1.6e-3     | 0.68 … 1.21      | torch, Keller Jordan; NVIDIA's "simple"        |
/// | `you`                | 5     | ≥ 3e-3       | 0.977 … 1.146    | dion without Polar Express; NVIDIA's "quintic" |
/// | `polar-express`      | 8     | ≥ 1e-3       | 1 ± 1e-12        | its paper, NVIDIA: safety 1.01                 |
/// | `polar-express-1.02` | 5     | ≥ 1e-3       | 0.858 … 1.142    | modded-nanogpt, dion: safety 1.02              |
/// | `polar-express-1.05` | 5     | ≥ 1e-3       | 0.729 … 1.124    | gram-newton-schulz: safety 1.05                |
/// | `cans`               | 5     | ≥ 1e-3       | 0.884 … 1.12     | NVIDIA; not for low precision, see below       |
/// | `aol`                | 4     | 0.012 … 0.85 | 0.962 … 1.085    | NVIDIA; not for rank one, see below            |
/// | `deepseek-v4`        | 10    | ≥ 3e-5       | 1 … 1.0021       | DeepSeek-V4, NVIDIA                            |
/// | `cubic5`             | 5     | ≥ 7e-3       | 0.774 … 1.3      | NVIDIA                                         |
/// | `cubic`              | 21    | ≥ 1e-3       | 1 − 1e-8 … 1     | Newton–Schulz                                  |
/// | `classic-quintic`    | 14    | ≥ 1e-3       | 1 ± 1e-12        | Newton–Schulz of order 5, Polar Express' limit |
/// | `cubic-damped`       | 12    | ≥ 1e-3       | 1 − 1e-5 … 1.002 | modded-nanogpt; ≤ 1 + 1e-5 from 1e-3 on        |
///
/// After fewer than its own steps a set is not there yet: the first five of `polar-express` give 0.846 … 1.124.
/// Rounding can carry x beyond 1: the Polar Express sets bear x up to their safety, `cans` diverges from 1.001 on,
/// which rounding to bfloat16 can reach. `aol` was made for matrices whose rows are rescaled first
/// (thib-s/flash-newton-schulz, not done here or by NVIDIA): above 0.884 the result is negative, −0.99 for a matrix of
/// rank one.
const std::vector<CoefficientSet>& coefficient_sets();

/// The set called `name`; throws naming every choice.
const CoefficientSet& coefficient_set(std::string_view name);

/// The first `steps` of a set's steps, one triple per step, or its single one. Throws where the list is shorter.
std::vector<Quintic> first_steps(const CoefficientSet& set, int64_t steps);

}  // namespace fanion::linalg
