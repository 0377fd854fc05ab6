#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "record/run_folder.h"

namespace fanion::experiments {

struct EstimateOptions {
  std::string norm;                ///< empty: the one whose LMO the run's optimizer is
  int64_t batches = 16;            ///< for σ: even, ≥ 4
  int64_t smoothness_batches = 2;  ///< for L: whose mean gradient is differenced
  int64_t directions = 1;          ///< random ones, beside the LMO
  double step = 0;                 ///< size of the differences in the norm; 0: the run's learning rate
  int64_t walk = 10;               ///< LMO steps on the way to the checkpoint and from it for L₀ and L₁; 0: none
  double quantile = 0.9;           ///< of the slopes that lie below L₀ + L₁‖∇f‖†, in (0, 1]
  double eps = 0;                  ///< of Lemma 7's step size; 0: half of each |grad|_dual
  std::optional<int64_t> seed;     ///< of the batches and directions; none: the run's
};

/// σ, ρ, L and ‖∇f‖† of a run's matrices at its checkpoint, each and all together, as a JSON object.
///
/// Batches are training batches (seed, steps + i) of the run's size: those that would come after its last step.
/// L₀, L₁ are fitted to the slopes of two walks (run_slopes.h) and give a step size, beside Lemma 7's of the other
/// figures. The norm of an m × n matrix is the rule's, its ball scaled by the run's shape scale; other parameters stay
/// as they are. ‖∇f‖† is that of the mean gradient over the batches, its noise included. On the CPU. Throws if there is
/// no checkpoint, its data are not there, or the optimizer is the LMO of no norm and none is given.
nlohmann::json estimate_run(const record::RunFolder& run, const EstimateOptions& options);

/// σ, ρ, L and ‖∇f‖†: a line for each matrix and one for all.
std::string estimate_table(const nlohmann::json& estimate);

/// L₀, L₁, how many slopes lie above the line and by how much at most, the step sizes: alike. There must be a walk.
std::string step_size_table(const nlohmann::json& estimate);

}  // namespace fanion::experiments
