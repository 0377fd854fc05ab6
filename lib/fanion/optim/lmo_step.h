#pragma once

#include <string>
#include <vector>

#include "fanion/norms/direction_rule.h"
#include "fanion/norms/shape_scale.h"
#include "fanion/optim/finite.h"
#include "fanion/optim/momentum.h"

namespace fanion::optim {

/// The defaults are torch.optim.Muon's (2.13).
struct LmoStepOptions {
  double lr = 1e-3;
  double momentum = 0.95;
  bool nesterov = true;
  MomentumKind momentum_kind = MomentumKind::ema;
  double weight_decay = 0.1;  ///< decoupled: W ← (1 − lr·weight_decay)·W before the step
  norms::ShapeScale scale = norms::ShapeScale::original;
  NonfinitePolicy nonfinite = NonfinitePolicy::error;
};

/// Throws naming the first option outside its range.
void check_options(const LmoStepOptions& options);

/// State of one parameter: a momentum buffer of its shape (float32, or float64 for float64 parameters) and the
/// rule's warm start (n, warm_columns), both made before the first step.
struct LmoState {
  at::Tensor momentum_buffer;
  at::Tensor warm_start;
};
LmoState initial_lmo_state(const at::Tensor& parameter, const norms::DirectionRule& rule);

/// One step of every parameter: momentum → matrix view → direction → scale → W ← decay·W + lr·scale·D.
///
/// The only place where a matrix parameter changes (KyFan eq. 5, 8). All lists have one entry per parameter;
/// tensors are changed in place; `names` may be empty. A parameter with a non-finite gradient follows
/// `options.nonfinite`. Bad input throws before anything changes. Returns how many parameters were skipped.
/// Several small parameters on the CPU are stepped by a thread each, the others by all threads one after the other.
/// Cost: that of `rule.direction` plus 8mn flops; of float32 on the CPU, reads of the gradient (twice, once with
/// `nonfinite` ignored) and the momentum, writes of the momentum and, with `nesterov`, of what the direction is taken
/// at, and a read and a write of W for each term of the direction.
int64_t lmo_step_(at::TensorList params, at::TensorList grads, at::TensorList momentum_buffers,
                  at::TensorList warm_starts, const norms::DirectionRule& rule, const LmoStepOptions& options,
                  const std::vector<std::string>& names = {});

}  // namespace fanion::optim
