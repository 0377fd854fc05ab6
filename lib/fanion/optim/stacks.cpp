#include "fanion/optim/stacks.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_copy.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/where.h>

#include <algorithm>
#include <array>
#include <utility>

#include "fanion/optim/cosmos.h"
#include "fanion/optim/matrix_view.h"
#include "fanion/optim/stack_momentum.h"

namespace fanion::optim {
namespace {

bool same_kind(const LmoSettings& a, const LmoSettings& b) {
  if (&a == &b) return true;
  return (a.rule == b.rule || a.rule->name() == b.rule->name()) && same_but_for_numbers(a.step, b.step);
}

bool together(const MatrixStep& a, const MatrixStep& b) {
  return a.go.defined() == b.go.defined() && a.W.sizes() == b.W.sizes() && a.W.strides() == b.W.strides() &&
         a.W.scalar_type() == b.W.scalar_type() && a.W.device() == b.W.device() && same_kind(*a.settings, *b.settings);
}

const LmoStepOptions& options_of(const MatrixStep* step) { return step->settings->step; }

norms::Direction batch_rule_direction(const Stack& stack, const at::Tensor& M) {
  const auto states = states_of(stack, "warm_start");
  const auto& rule = *stack[0]->settings->rule;
  if (states.empty() || states[0].numel() == 0) return rule.batch_direction(M);
  auto warm = at::stack(states);
  auto D = rule.batch_direction(M, &warm);
  at::_foreach_copy_(states, warm.unbind());
  return D;
}

/// COSMOS's, or the rule's; of a matrix that is not stepped M is zero and its gradient may be anything.
norms::Direction batch_direction(const Stack& stack, const at::Tensor& M, const at::Tensor& go) {
  const auto& o = options_of(stack[0]);
  if (o.cosmos_rank == 0) return batch_rule_direction(stack, M);
  std::array<TensorVector, kCosmosKinds.size()> states;
  std::array<at::Tensor, kCosmosKinds.size()> all;
  for (std::size_t i = 0; i < all.size(); ++i)
    states[i] = states_of(stack, kCosmosKinds[i]), all[i] = at::stack(states[i]).to(M.device());
  TensorVector gradients;
  for (const auto* step : stack) gradients.push_back(step->grad);
  auto g = as_matrices(at::stack(gradients), o.transposed);
  if (go.defined()) g = g.masked_fill(go.logical_not().view({-1, 1, 1}), 0);
  const auto number = [&](double LmoStepOptions::* field) {
    return spread_numbers(numbers_of(stack, [field](const LmoStepOptions& own) { return own.*field; }), M);
  };
  const CosmosNumbers numbers{
      number(&LmoStepOptions::momentum),    number(&LmoStepOptions::cosmos_gamma),
      number(&LmoStepOptions::cosmos_beta), o.nesterov,
      o.momentum_kind == MomentumKind::sum, stack[0]->settings->rule->nominal_frobenius(M.size(1), M.size(2))};
  auto D = cosmos_direction(g, M, {all[0], all[1], all[2], all[3], all[4]}, numbers,
                            [&](const at::Tensor& X) { return batch_rule_direction(stack, X); });
  for (std::size_t i = 0; i < all.size(); ++i) at::_foreach_copy_(states[i], all[i].unbind());
  return D;
}

void batch_adapt(const Stack& stack, norms::Direction& D, const at::Tensor& M) {
  const auto& o = options_of(stack[0]);
  if (o.adapt == Adapt::none) return;
  const auto states = states_of(stack, "second_moment");
  auto v = at::stack(states);
  const auto beta = numbers_of(stack, [](const LmoStepOptions& own) { return own.adapt_beta; });
  D = adapted(D, o.adapt, v, spread_numbers(beta, v), M);
  at::_foreach_copy_(states, v.unbind());
}

void batch_apply(const Stack& stack, const norms::Direction& D, const at::Tensor& like) {
  const auto W = parameters_of(stack);
  const auto dtype = W[0].scalar_type();
  const auto change = as_parameters(norms::to_dense(D, like), stack);
  const auto kept = numbers_of(
      stack, [](const LmoStepOptions& o) { return kept_by_decay(o.weight_decay_method, o.lr, o.weight_decay); });
  const auto rates = numbers_of(stack, [](const LmoStepOptions& o) { return o.lr; });
  if (options_of(stack[0]).weight_decay_method == WeightDecayMethod::cautious) {
    const auto decaying = at::_foreach_mul(W, decays_cautiously(at::stack(W), change).unbind());
    auto lost = kept;
    for (auto& share : lost) share -= 1;
    add_weighted_(W, decaying, lost);
  } else if (!all_equal(kept) || kept[0] != 1) {
    at::_foreach_mul_(W, scalars_of(kept));
  }
  if (dtype == change.scalar_type())
    add_weighted_(W, change.unbind(), rates);
  else  // scaled before it is narrowed
    at::_foreach_add_(W, (change * spread_numbers(rates, change)).to(dtype).unbind());
}

void batch_retract(const Stack& stack) {
  const auto& o = options_of(stack[0]);
  if (!o.normalize_weights) return;
  const auto W = parameters_of(stack);
  const auto norm = at::linalg_vector_norm(at::stack(W).flatten(1), 2, {{1}}, /*keepdim=*/false, at::kDouble);
  at::_foreach_mul_(W, retraction(norm, matrix_shape(W[0], o.transposed).first).unbind());
}

/// What a step of the stack changes, as it was.
class BeforeTheStep {
 public:
  explicit BeforeTheStep(const Stack& stack) {
    take(parameters_of(stack));
    for (const auto& [kind, tensor] : *stack[0]->state)
      if (tensor.numel() > 0) take(states_of(stack, kind));
  }
  /// Puts back what belongs to a matrix whose flag, of (b,), is false.
  void restore(const at::Tensor& go) const {
    for (const auto& [tensors, before] : kinds_) {
      std::vector<int64_t> shape(before.dim(), 1);
      shape[0] = before.size(0);
      const auto here = go.to(before.device()).view(shape);
      at::_foreach_copy_(tensors, at::where(here, at::stack(tensors), before).unbind());
    }
  }

 private:
  void take(TensorVector tensors) {
    auto before = at::stack(tensors);
    kinds_.emplace_back(std::move(tensors), std::move(before));
  }
  std::vector<std::pair<TensorVector, at::Tensor>> kinds_;
};

/// The flags of a stack, (b,); undefined where its steps have none.
at::Tensor flags_of(const Stack& stack) {
  TensorVector flags;
  for (const auto* step : stack)
    if (step->go.defined()) flags.push_back(step->go);
  return flags.empty() ? at::Tensor() : at::stack(flags);
}

}  // namespace

std::vector<Stack> stacks_of(const std::vector<MatrixStep>& steps) {
  std::vector<Stack> stacks;
  for (const auto& step : steps) {
    const auto found = std::ranges::find_if(stacks, [&](const Stack& stack) { return together(*stack.front(), step); });
    if (found == stacks.end())
      stacks.push_back({&step});
    else
      found->push_back(&step);
  }
  return stacks;
}

void step_stack(const Stack& stack) {
  const auto go = flags_of(stack);
  const auto before = go.defined() ? std::optional<BeforeTheStep>(stack) : std::nullopt;
  auto M = stack_momentum_(stack);
  if (go.defined()) M = M.masked_fill(go.logical_not().view({-1, 1, 1}), 0);  // no solver sees NaN
  auto D = batch_direction(stack, M, go);
  const auto part = stages::captured(*stack[0], D);
  batch_adapt(stack, D, M);
  stages::rescale(*stack[0], D);
  batch_apply(stack, D, M);
  if (part) stack_feed_back_(stack, *part);
  batch_retract(stack);
  if (before) before->restore(go);
}

}  // namespace fanion::optim
