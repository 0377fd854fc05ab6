#include "fanion/optim/lmo_step.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/where.h>

#include <algorithm>
#include <cmath>

#include "fanion/kernels/caches.h"
#include "fanion/optim/cosmos.h"
#include "fanion/optim/error_feedback.h"
#include "fanion/optim/matrix_view.h"
#include "fanion/optim/stacks.h"
#include "fanion/optim/stochastic_rounding.h"
#include "fanion/optim/sweep_step.h"
#include "fanion/threads.h"

namespace fanion::optim {
namespace {

MomentumOptions momentum_options(const LmoStepOptions& o) {
  return {o.momentum, o.nesterov, o.momentum_kind, o.error_feedback};
}

CosmosState cosmos_state(const MatrixStep& step) {
  const auto of = [&](std::size_t i) { return state_of(step, kCosmosKinds[i]); };
  return {of(0), of(1), of(2), of(3), of(4)};
}

/// Whether sharing the step of W out among the threads costs them more than they save; and then, whether the momenta of
/// as many as there are threads stay in the last cache, from which directions are found.
bool is_small(const at::Tensor& W) { return 4 * W.numel() * at::get_num_threads() <= kernels::kLastCache; }

}  // namespace

at::Tensor state_of(const MatrixStep& step, std::string_view kind) {
  for (const auto& [name, tensor] : *step.state)
    if (name == kind) return tensor;
  return {};
}

std::pair<int64_t, int64_t> whole_shape(const MatrixStep& step) {
  const bool transposed = step.settings->step.transposed;
  return step.spread ? matrix_shape(step.spread->sizes, transposed) : matrix_shape(step.W.sizes(), transposed);
}

at::Tensor retraction(const at::Tensor& norm, int64_t rows) {
  return at::where(norm > 0, std::sqrt(static_cast<double>(rows)) / norm, norm);
}

namespace stages {

at::Tensor momentum(const MatrixStep& step) {
  const auto& o = step.settings->step;
  auto B = state_of(step, "momentum_buffer");
  const auto M = update_momentum_(B, step.grad, momentum_options(o), state_of(step, "momentum_step"));
  return matrix_view(M, o.transposed);
}

norms::Direction direction(const MatrixStep& step, const at::Tensor& M) {
  auto warm = state_of(step, "warm_start");
  const auto of_rule = [&](const at::Tensor& X) {
    return step.settings->rule->direction(X, warm.numel() > 0 ? &warm : nullptr);
  };
  const auto& o = step.settings->step;
  if (o.cosmos_rank == 0) return of_rule(M);
  const auto number = [&](double x) { return at::scalar_tensor(x, M.options()); };
  const CosmosNumbers numbers{number(o.momentum),
                              number(o.cosmos_gamma),
                              number(o.cosmos_beta),
                              o.nesterov,
                              o.momentum_kind == MomentumKind::sum,
                              step.settings->rule->nominal_frobenius(M.size(0), M.size(1))};
  return cosmos_direction(matrix_view(step.grad, o.transposed), M, cosmos_state(step), numbers, of_rule);
}

void adapt(const MatrixStep& step, norms::Direction& D, const at::Tensor& M) {
  const auto& o = step.settings->step;
  if (o.adapt == Adapt::none) return;
  auto v = state_of(step, "second_moment");
  D = adapted(D, o.adapt, v, at::scalar_tensor(o.adapt_beta, v.options()), M);
}

void rescale(const MatrixStep& step, norms::Direction& D) {
  const auto& o = step.settings->step;
  const auto [m, n] = whole_shape(step);
  D *= norms::lr_factor(o.adjust_lr_fn, *step.settings->rule, m, n);
}

void apply(const MatrixStep& step, const norms::Direction& D) {
  const auto& o = step.settings->step;
  auto matrix = matrix_view(step.W, o.transposed);
  const double kept = kept_by_decay(o.weight_decay_method, o.lr, o.weight_decay);
  if (o.weight_decay_method == WeightDecayMethod::cautious && kept != 1) {
    const auto wide = matrix.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
    const auto dense = norms::to_dense(D, at::empty_like(matrix, matrix.options().dtype(wide)));
    matrix.addcmul_(matrix, decays_cautiously(matrix, dense), kept - 1);
    norms::apply_(matrix, {{norms::DenseTerm{1, dense}}}, o.lr);
  } else {
    norms::apply_(matrix, D, o.lr, kept);
  }
  if (!matrix.is_alias_of(step.W)) step.W.copy_(matrix.view(step.W.sizes()));
}

bool in_sweeps(const MatrixStep& step) {
  const auto& o = step.settings->step;
  const auto B = state_of(step, "momentum_buffer");
  if (o.transposed || state_of(step, "momentum_step").defined() || !B.defined()) return false;
  if (o.adapt != Adapt::none || o.weight_decay_method == WeightDecayMethod::cautious) return false;  // these need D
  if (o.cosmos_rank > 0) return false;                                                               // and this M
  auto warm = state_of(step, "warm_start");
  const auto [m, n] = matrix_shape(step.W, false);
  const auto& rule = *step.settings->rule;
  return sweep_step_(step.W, step.grad, B, warm.defined() && warm.numel() > 0 ? &warm : nullptr, rule,
                     momentum_options(o), o.lr * norms::lr_factor(o.adjust_lr_fn, rule, m, n),
                     kept_by_decay(o.weight_decay_method, o.lr, o.weight_decay));
}

std::optional<norms::LowRankTerm> captured(const MatrixStep& step, const norms::Direction& D) {
  const auto* part = step.settings->step.error_feedback ? norms::capturing_term(D) : nullptr;
  return part == nullptr ? std::nullopt : std::optional(*part);
}

void feed_back(const MatrixStep& step, const std::optional<norms::LowRankTerm>& part,
               const norms::MatrixLayout* layout) {
  const auto& o = step.settings->step;
  if (!part) return;
  const auto B = state_of(step, "momentum_buffer"), count = state_of(step, "momentum_step");
  const auto wide = count.defined() ? B.to(at::kFloat) : B;
  const auto matrix = matrix_view(wide, o.transposed);
  feed_back_(matrix, *part, !o.nesterov && !count.defined(), o.momentum, layout);
  if (!matrix.is_alias_of(wide)) wide.copy_(matrix.view(wide.sizes()));
  if (!count.defined()) return;
  round_stochastically_(B, wide, count);
  count.add_(1);
}

void retract(const MatrixStep& step) {
  if (!step.settings->step.normalize_weights) return;
  const auto norm = at::linalg_vector_norm(step.W, 2, {}, /*keepdim=*/false, at::kDouble);
  step.W.mul_(retraction(norm, matrix_shape(step.W, step.settings->step.transposed).first));
}

}  // namespace stages

void step_parameter(const MatrixStep& step) {
  if (!stages::in_sweeps(step)) {
    const auto M = stages::momentum(step);
    auto D = stages::direction(step, M);
    const auto part = stages::captured(step, D);
    stages::adapt(step, D, M);
    stages::rescale(step, D);
    stages::apply(step, D);
    stages::feed_back(step, part);
  }
  stages::retract(step);
}

bool in_stacks(const at::Tensor& W, Stacks stacks) { return stacks == Stacks::everywhere || !W.device().is_cpu(); }

void step_matrices(const std::vector<MatrixStep>& steps, Stacks stacks) {
  const auto named = [&](std::size_t i) {
    try {
      step_parameter(steps[i]);
    } catch (c10::Error& error) {
      error.add_context("in the step of " + steps[i].label());
      throw;
    }
  };
  std::vector<std::size_t> small, large;
  std::vector<MatrixStep> elsewhere;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (in_stacks(steps[i].W, stacks))
      elsewhere.push_back(steps[i]);
    else
      (is_small(steps[i].W) ? small : large).push_back(i);
  }
  for (const auto& stack : stacks_of(elsewhere)) {
    try {
      step_stack(stack);
    } catch (c10::Error& error) {
      error.add_context(c10::str("in the step of ", stack[0]->label(), " and ", stack.size() - 1, " like it"));
      throw;
    }
  }
  std::ranges::for_each(large, named);
  std::sort(small.begin(), small.end(), [&](auto i, auto j) { return steps[i].W.numel() > steps[j].W.numel(); });
  in_threads(std::ssize(small), [&](int64_t i) { named(small[i]); });
}

}  // namespace fanion::optim
