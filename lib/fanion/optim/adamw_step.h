#pragma once

#include <vector>

#include "fanion/optim/finite.h"
#include "fanion/optim/option_table.h"

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

/// The table of AdamW's options.
template <class Visit>
void visit_options(AdamWOptions& o, Visit&& visit) {
  visit("lr", o.lr, Range::not_negative, "learning rate");
  visit("beta1", o.beta1, Range::below_one, "decay of the mean of g");
  visit("beta2", o.beta2, Range::below_one, "decay of the mean of g^2");
  visit("eps", o.eps, Range::not_negative, "added to the root of the mean of g^2");
  visit("weight_decay", o.weight_decay, Range::not_negative, "W <- (1 - lr weight_decay) W before the step");
  visit("nonfinite", o.nonfinite, Range::any, "as for matrix rules");
}

void check_options(const AdamWOptions& options);

/// What AdamW's step of a parameter works on, checked already (check_step.h).
struct AdamWParameter {
  at::Tensor W, grad, exp_avg, exp_avg_sq, step;
  at::Tensor go = {};  ///< whether the step is made, as `MatrixStep::go`; those of one tensor are stepped in one call
};

/// One AdamW step of each, in place, by ATen's fused kernel: bit-equal to torch.optim.AdamW(fused=True) where all
/// tensors of a parameter have the same strides, without gaps. The kernel pairs entries by their place in memory, so
/// others go through copies. Source: Loshchilov & Hutter 2017.
void adamw_step_(const std::vector<AdamWParameter>& parameters, const AdamWOptions& options);

}  // namespace fanion::optim
