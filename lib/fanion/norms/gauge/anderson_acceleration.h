#pragma once

#include <ATen/core/Tensor.h>

#include <deque>
#include <limits>

namespace fanion::norms {

/// Anderson acceleration (Walker & Ni 2011, type II) of a fixed-point iteration W ← F(W): the combination of the last
/// steps whose residuals F(W) − W cancel best.
///
/// Where the residual doubles, it goes back to the plain step from the best point and takes a few more; where that is
/// no better than the point it went back to before, it would go the same way for ever, so it takes more of them each
/// time. Memory: 20 tensors of W's size.
class AndersonAcceleration {
 public:
  AndersonAcceleration();

  /// The next point after W, given F(W).
  at::Tensor next(const at::Tensor& W, const at::Tensor& plain);

  /// For an F that has changed: nothing of the steps so far counts.
  void start_again();

 private:
  void forget();

  std::deque<at::Tensor> steps_, residual_steps_;
  at::Tensor last_plain_, last_residual_, best_plain_;
  double least_residual_ = std::numeric_limits<double>::infinity();
  double residual_of_last_return_ = std::numeric_limits<double>::infinity();
  int64_t plain_steps_ = 0, next_plain_steps_;
};

}  // namespace fanion::norms
