#include "fanion/optim/stacks.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_sub.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>

#include <algorithm>

#include "fanion/optim/error_feedback.h"
#include "fanion/optim/matrix_view.h"

namespace fanion::optim {
namespace {

bool same_kind(const LmoSettings& a, const LmoSettings& b) {
  if (&a == &b) return true;
  return (a.rule == b.rule || a.rule->name() == b.rule->name()) && same_but_for_numbers(a.step, b.step);
}

bool together(const MatrixStep& a, const MatrixStep& b) {
  return a.W.sizes() == b.W.sizes() && a.W.strides() == b.W.strides() && a.W.scalar_type() == b.W.scalar_type() &&
         a.W.device() == b.W.device() && same_kind(*a.settings, *b.settings);
}

const LmoStepOptions& options_of(const MatrixStep* step) { return step->settings->step; }

at::Tensor batch_momentum(const Stack& stack) {
  std::vector<at::Tensor> ahead;
  for (const auto* step : stack) ahead.push_back(stages::momentum(*step));
  return at::stack(ahead);
}

norms::Direction batch_direction(const Stack& stack, const at::Tensor& M) {
  std::vector<at::Tensor> states;
  for (const auto* step : stack) states.push_back(state_of(*step, "warm_start"));
  auto warm = at::stack(states);
  auto D = stack[0]->settings->rule->batch_direction(M, warm.numel() > 0 ? &warm : nullptr);
  for (std::size_t i = 0; i < states.size(); ++i) states[i].copy_(warm[static_cast<int64_t>(i)]);
  return D;
}

void batch_adapt(const Stack& stack, norms::Direction& D, const at::Tensor& M) {
  const auto& o = options_of(stack[0]);
  if (o.adapt == Adapt::none) return;
  auto betas = at::empty({std::ssize(stack), 1, 1}, at::kDouble);
  std::vector<at::Tensor> states;
  for (std::size_t i = 0; i < stack.size(); ++i) {
    betas.data_ptr<double>()[i] = options_of(stack[i]).adapt_beta;
    states.push_back(state_of(*stack[i], "second_moment"));
  }
  auto v = at::stack(states);
  D = adapted(D, o.adapt, v, betas.to(v.options()), M);
  for (std::size_t i = 0; i < states.size(); ++i) states[i].copy_(v[static_cast<int64_t>(i)]);
}

void batch_feed_back(const Stack& stack, const std::optional<norms::LowRankTerm>& part) {
  if (!part) return;
  for (std::size_t i = 0; i < stack.size(); ++i) {
    const auto of_this = static_cast<int64_t>(i);
    stages::feed_back(*stack[i], norms::LowRankTerm{1, part->U[of_this], part->V[of_this], part->S[of_this]});
  }
}

void batch_apply(const Stack& stack, const norms::Direction& D, const at::Tensor& like) {
  auto rates = at::empty({std::ssize(stack), 1, 1}, at::kDouble);
  std::vector<at::Tensor> W, steps;
  std::vector<at::Scalar> kept, lost;
  for (std::size_t i = 0; i < stack.size(); ++i) {
    const auto& o = options_of(stack[i]);
    rates.data_ptr<double>()[i] = o.lr;
    kept.emplace_back(kept_by_decay(o.weight_decay_method, o.lr, o.weight_decay));
    lost.emplace_back(1 - kept.back().toDouble());
    W.push_back(matrix_view(stack[i]->W, o.transposed));
  }
  const auto dense = norms::to_dense(D, like), delta = dense * rates.to(like.options());
  for (const auto& step : delta.unbind()) steps.push_back(step.to(W[0].scalar_type()));
  if (options_of(stack[0]).weight_decay_method == WeightDecayMethod::cautious) {
    const auto decaying = at::_foreach_mul(W, decays_cautiously(at::stack(W), dense).unbind());
    at::_foreach_sub_(W, at::_foreach_mul(decaying, lost));
  } else {
    at::_foreach_mul_(W, kept);
  }
  at::_foreach_add_(W, steps);
  for (std::size_t i = 0; i < stack.size(); ++i)
    if (!W[i].is_alias_of(stack[i]->W)) stack[i]->W.copy_(W[i].view(stack[i]->W.sizes()));
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
  const auto M = batch_momentum(stack);
  auto D = batch_direction(stack, M);
  const auto part = stages::captured(*stack[0], D);
  batch_adapt(stack, D, M);
  stages::rescale(*stack[0], D);
  batch_apply(stack, D, M);
  batch_feed_back(stack, part);
  for (const auto* step : stack) stages::retract(*step);
}

}  // namespace fanion::optim
