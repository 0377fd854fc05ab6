#include "fanion/optim/stack_momentum.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_clamp_max.h>
#include <ATen/ops/_foreach_clamp_min.h>
#include <ATen/ops/_foreach_copy.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/stack.h>

#include <algorithm>

#include "fanion/dtype_limits.h"
#include "fanion/norms/batch_qr.h"
#include "fanion/optim/stochastic_rounding.h"

namespace fanion::optim {
namespace {

/// The gradients in the dtype of the momenta.
TensorVector wide_gradients(const Stack& stack, at::ScalarType dtype) {
  TensorVector g;
  for (const auto* step : stack) g.push_back(step->grad);
  if (std::ranges::all_of(g, [&](const at::Tensor& x) { return x.scalar_type() == dtype; })) return g;
  return at::stack(g).to(dtype).unbind();
}

/// The momenta of a stack in the dtype they are computed in: themselves, or, of bfloat16, float32 copies that `keep`
/// rounds back.
class Momenta {
 public:
  explicit Momenta(const Stack& stack)
      : own_(states_of(stack, "momentum_buffer")), counts_(states_of(stack, "momentum_step")) {
    if (!is_narrow()) return;
    stacked_ = at::stack(own_).to(at::kFloat);
    wide_ = stacked_.unbind();
  }
  bool is_narrow() const { return !counts_.empty(); }
  const TensorVector& lists() const { return is_narrow() ? wide_ : own_; }
  at::Tensor stacked() const { return is_narrow() ? stacked_ : at::stack(own_); }

  void keep() const {
    if (!is_narrow()) return;
    const auto count = at::stack(counts_).to(stacked_.device()).unsqueeze(1);
    at::_foreach_copy_(own_, stochastically_rounded(stacked_, count).unbind());
    at::_foreach_add_(counts_, 1);
  }

 private:
  TensorVector own_, counts_, wide_;
  at::Tensor stacked_;
};

}  // namespace

at::Tensor stack_momentum_(const Stack& stack) {
  const auto& o = stack[0]->settings->step;
  const Momenta momenta(stack);
  const auto& B = momenta.lists();
  const auto g = wide_gradients(stack, B[0].scalar_type());
  const bool average = o.momentum_kind == MomentumKind::ema, clamps = !average || o.error_feedback;
  const double largest = largest_number(B[0].scalar_type());
  const auto mu = numbers_of(stack, [](const LmoStepOptions& own) { return own.momentum; });
  auto weights = mu;
  for (auto& weight : weights) weight = average ? 1 - weight : 1;

  if (!o.error_feedback) at::_foreach_mul_(B, scalars_of(mu));
  add_weighted_(B, g, weights);
  if (clamps) {
    at::_foreach_clamp_min_(B, -largest);
    at::_foreach_clamp_max_(B, largest);
  }
  auto M = momenta.stacked();
  if (o.nesterov) {
    if (momenta.is_narrow()) M = M.clone();  // the buffers are rounded from it
    const auto ahead = M.unbind();
    at::_foreach_mul_(ahead, scalars_of(mu));
    add_weighted_(ahead, g, weights);
    if (clamps) M.clamp_(-largest, largest);
  }
  momenta.keep();
  return as_matrices(M, o.transposed);
}

void stack_feed_back_(const Stack& stack, const norms::LowRankTerm& part) {
  const auto& o = stack[0]->settings->step;
  const Momenta momenta(stack);
  at::Tensor captured;
  if (!o.nesterov && !momenta.is_narrow()) {
    const auto root = part.S.sqrt().to(part.U.scalar_type()).unsqueeze(1);  // half on either side: S may overflow
    captured = at::bmm(part.U * root, (part.V * root).mT());
  } else {
    const auto B = as_matrices(momenta.stacked(), o.transposed);
    const auto U = norms::batch_qr(part.U.to(B.scalar_type()), part.U.size(1)).Q;
    captured = at::bmm(U, at::bmm(U.mT(), B));
  }
  auto lost = numbers_of(stack, [](const LmoStepOptions& own) { return own.momentum - 1; });
  add_weighted_(momenta.lists(), as_parameters(captured, stack).unbind(), lost);
  momenta.keep();
}

}  // namespace fanion::optim
