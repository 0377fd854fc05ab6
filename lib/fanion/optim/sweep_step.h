#pragma once

#include "fanion/norms/direction_rule.h"
#include "fanion/optim/momentum.h"

namespace fanion::optim {

/// W ← keep·W + step·D of one parameter, B's update included, in two or three sweeps over memory that never form what
/// the direction is taken at: where the rule has a `sweep_form` with triplets of a warm subspace, and W, its gradient
/// and B are float32 on the CPU without gaps. The same as by way of `DirectionRule::direction`, up to rounding.
///
/// With `momentum.feedback` B's part is fed back, too (error_feedback.h): a read and a write of B more, and with
/// Nesterov, where M is not B, another read.
///
/// Returns whether it did; if not, nothing has changed. `warm`: as `direction` takes it.
/// Cost in reads and writes of W's size: g, B twice (and g, B again, and what more passes read), W twice.
bool sweep_step_(const at::Tensor& W, const at::Tensor& grad, const at::Tensor& B, at::Tensor* warm,
                 const norms::DirectionRule& rule, const MomentumOptions& momentum, double step, double keep);

}  // namespace fanion::optim
