#pragma once

#include <array>
#include <string_view>

#include "fanion/norms/adjust_lr_fn.h"
#include "fanion/optim/adapt.h"
#include "fanion/optim/finite.h"
#include "fanion/optim/momentum.h"
#include "fanion/optim/option_table.h"
#include "fanion/optim/weight_decay.h"

namespace fanion::optim {

/// Options of a matrix rule's step; the defaults are torch.optim.Muon's (2.13).
struct LmoStepOptions {
  double lr = 1e-3;
  double momentum = 0.95;
  bool nesterov = true;
  MomentumKind momentum_kind = MomentumKind::ema;
  double weight_decay = 0.1;
  norms::AdjustLrFn adjust_lr_fn = norms::AdjustLrFn::original;
  NonfinitePolicy nonfinite = NonfinitePolicy::error;
  bool transposed = false;
  bool flatten = true;
  Sizes split_sizes = {};
  int64_t num_heads = 1;
  bool interleaved = false;
  MomentumDtype momentum_dtype = MomentumDtype::float32;
  bool normalize_weights = false;
  Adapt adapt = Adapt::none;
  double adapt_beta = 0.95;
  WeightDecayMethod weight_decay_method = WeightDecayMethod::decoupled;
  bool error_feedback = false;
  double cosmos_rank = 0;
  double cosmos_gamma = 0.2;
  double cosmos_beta = 0.95;
};

/// The table of the step's options.
template <class Visit>
void visit_options(LmoStepOptions& o, Visit&& visit) {
  visit("lr", o.lr, Range::not_negative, "learning rate");
  visit("momentum", o.momentum, Range::below_one, "mu of the momentum B");
  visit("nesterov", o.nesterov, Range::any,
        "the direction is taken at B after the next step's decay, with this g again");
  visit("momentum_kind", o.momentum_kind, Range::any, "ema: B <- mu B + (1 - mu) g; sum: B <- mu B + g");
  visit("weight_decay", o.weight_decay, Range::not_negative, "W <- (1 - lr weight_decay) W before the step");
  visit("adjust_lr_fn", o.adjust_lr_fn, Range::any,
        "factor on lr for m x n: original sqrt(max(1, m/n)), match_rms_adamw 0.2 sqrt(mn) over the rule's nominal "
        "Frobenius norm, rms_to_rms (torch's "
        "spectral_unclamped) sqrt(m/n), none 1");
  visit("nonfinite", o.nonfinite, Range::any,
        "a gradient with NaN or Inf: error before anything changes, skip the parameter and count it, or ignore");
  visit("transposed", o.transposed, Range::any, "parameters are stored as in x out; the rule takes their transpose");
  visit("flatten", o.flatten, Range::any,
        "parameters of more than two dimensions are one matrix, the first dimension by all others; false: the last two "
        "are a matrix, and those before count matrices (experts)");
  visit("split_sizes", o.split_sizes, Range::any,
        "rows (out) of the matrices that a parameter packs one after the other, such as Q, K and V; each is stepped by "
        "itself");
  visit("num_heads", o.num_heads, Range::any, "the same for so many matrices of equal size, such as heads");
  visit("interleaved", o.interleaved, Range::any,
        "split_sizes repeat until the rows end (gpt-oss's gate and up, Megatron's query groups)");
  visit("momentum_dtype", o.momentum_dtype, Range::any,
        "dtype of B: float32 (float64 for float64 parameters), or bfloat16, rounded stochastically");
  visit("normalize_weights", o.normalize_weights, Range::any,
        "after the step W is scaled to |W|_F = sqrt(rows); zero stays zero");
  visit("adapt", o.adapt, Range::any,
        "D over the root of a running mean of its squares, |D|_F kept: neuron by rows (NorMuon), element by entries "
        "(AdaMuon)");
  visit("adapt_beta", o.adapt_beta, Range::below_one, "decay of that mean");
  visit("weight_decay_method", o.weight_decay_method, Range::any,
        "decoupled: all of W decays by lr weight_decay; cautious: only entries not taken away from zero; "
        "independent: all by weight_decay, whatever lr");
  visit(
      "error_feedback", o.error_feedback, Range::any,
      "B <- B + g (ema: + (1 - mu) g), and after the step B <- B - (1 - mu) U U' B: what the direction's low-rank part "
      "has not captured is kept; for rules with one such part");
  visit("cosmos_rank", o.cosmos_rank, Range::count,
        "r > 0: COSMOS, Adam in the r leading eigenvectors of the mean of g' g and the rule outside of them; 0: the "
        "rule alone");
  visit("cosmos_gamma", o.cosmos_gamma, Range::not_negative, "gamma, the weight of the rule's part");
  visit("cosmos_beta", o.cosmos_beta, Range::below_one, "decay of the means of g' g and of Adam's squares");
}

/// Those that say how parameters hold their matrices (held_matrices.h).
inline constexpr std::array<std::string_view, 5> kHolding{"transposed", "flatten", "split_sizes", "num_heads",
                                                          "interleaved"};

/// Throws naming the first option outside its range.
void check_options(const LmoStepOptions& options);

}  // namespace fanion::optim
