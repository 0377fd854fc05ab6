#pragma once

#include <string>
#include <vector>

#include "fanion/optim/finite.h"

namespace fanion::optim {

/// AdamW for what no matrix rule fits: embeddings, heads, gains, biases. Defaults are torch.optim.AdamW's.
struct AdamWOptions {
  double lr = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 1e-2;
  NonfinitePolicy nonfinite = NonfinitePolicy::error;
};

void check_options(const AdamWOptions& options);

/// First and second moment in the parameter's shape and dtype, and the number of steps (0-dim float32).
struct AdamWState {
  at::Tensor exp_avg, exp_avg_sq, step;
};
AdamWState initial_adamw_state(const at::Tensor& parameter);

/// One AdamW step, by ATen's fused kernel: bit-equal to torch.optim.AdamW(fused=True).
///
/// Lists have one entry per parameter; all tensors but `grads` are changed in place. Bad input throws before
/// anything changes. Returns how many parameters were skipped. Source: Loshchilov & Hutter 2017.
int64_t adamw_step_(at::TensorList params, at::TensorList grads, at::TensorList exp_avgs, at::TensorList exp_avg_sqs,
                    at::TensorList steps, const AdamWOptions& options, const std::vector<std::string>& names = {});

}  // namespace fanion::optim
