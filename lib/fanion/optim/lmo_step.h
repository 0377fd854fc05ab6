#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fanion/distributed/spread.h"
#include "fanion/norms/direction.h"
#include "fanion/optim/group_settings.h"
#include "fanion/optim/state.h"

namespace fanion::optim {

/// What a matrix's step works on, checked already (check_step.h). Tensors are shared with the caller's.
struct MatrixStep {
  at::Tensor W, grad;
  const NamedState* state;
  const LmoSettings* settings;
  std::function<std::string()> label;  ///< what errors call it
  /// Whether the step is made, 0-dimensional on W's device; undefined: it is. Only stacks have flags (stacks.h).
  at::Tensor go = {};
  /// How the whole is spread where the tensors are this process's blocks of it.
  const distributed::Spread* spread = nullptr;
};

/// Rows and columns of the whole matrix.
std::pair<int64_t, int64_t> whole_shape(const MatrixStep& step);

/// √rows/‖W‖_F for a norm, or norms, of W, 0 where that is: what `normalize_weights` multiplies W by.
at::Tensor retraction(const at::Tensor& norm, int64_t rows);

/// The state tensor of a kind; undefined where the settings ask for none.
at::Tensor state_of(const MatrixStep& step, std::string_view kind);

/// One step of one parameter, stage by stage: momentum → direction → adapt → rescale → apply → feed back → retract
/// (KyFan eq. 5, 8).
/// The only place where a matrix parameter changes.
void step_parameter(const MatrixStep& step);

/// Where matrices are stepped by stacks (stacks.h): `accelerators`, of which the host waits for nothing, or everywhere,
/// as tests do, for on the CPU the kernels of single matrices are faster.
enum class Stacks { accelerators, everywhere };
bool in_stacks(const at::Tensor& W, Stacks stacks);

/// Each of them: by stacks where they are for them, else several small ones by a thread each, the others by all threads
/// one after the other. What a rule throws (LAPACK's errors, say) says whose step it was.
void step_matrices(const std::vector<MatrixStep>& steps, Stacks stacks = Stacks::accelerators);

/// The stages. Each reads and writes what its name says, and nothing else.
namespace stages {

/// B ← μB + …; returns the matrix (m, n) the direction is taken at, not to be written to.
at::Tensor momentum(const MatrixStep& step);
/// D(M), and the rule's warm start of the next step; with `cosmos_rank` COSMOS's, of which the rule gives a part.
norms::Direction direction(const MatrixStep& step, const at::Tensor& M);
/// D by a running mean of its squares, with `adapt`.
void adapt(const MatrixStep& step, norms::Direction& D, const at::Tensor& M);
/// D ← lr_factor(m, n)·D.
void rescale(const MatrixStep& step, norms::Direction& D);
/// W ← (1 − lr·weight_decay)·W + lr·D, or as `weight_decay_method` says.
void apply(const MatrixStep& step, const norms::Direction& D);
/// All before, and `feed_back`, in two or three sweeps over memory that never form M, where the rule and the tensors
/// allow that (sweep_step.h); returns whether it did, if not, nothing has changed.
bool in_sweeps(const MatrixStep& step);
/// What D captures of M, with `error_feedback`; read before `adapt`, which scales D's factors.
std::optional<norms::LowRankTerm> captured(const MatrixStep& step, const norms::Direction& D);
/// B ← B − (1 − μ)·U Uᵀ B for what was captured (error_feedback.h). Comes after `apply`: D may hold B.
void feed_back(const MatrixStep& step, const std::optional<norms::LowRankTerm>& part,
               const norms::MatrixLayout* layout = nullptr);
/// W ← √m·W/‖W‖_F with `normalize_weights`.
void retract(const MatrixStep& step);

}  // namespace stages

}  // namespace fanion::optim
