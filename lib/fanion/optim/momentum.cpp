#include "fanion/optim/momentum.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/add.h>
#include <ATen/ops/mul.h>

#include "fanion/dtype_limits.h"
#include "fanion/kernels/dense_steps.h"
#include "fanion/optim/stochastic_rounding.h"

namespace fanion::optim {

at::Tensor update_momentum_(at::Tensor& buffer, const at::Tensor& grad, const MomentumOptions& options,
                            const at::Tensor& step) {
  if (buffer.scalar_type() == at::kBFloat16) {
    auto wide = buffer.to(at::kFloat);
    const auto M = update_momentum_(wide, grad, options);
    round_stochastically_(buffer, wide, step);
    step.add_(1);
    return M;
  }
  const auto g = grad.to(buffer.scalar_type());
  const double mu = options.momentum;
  const double largest = largest_number(buffer.scalar_type());
  if (options.feedback) {
    const auto added = options.kind == MomentumKind::ema ? at::mul(g, 1 - mu) : g;
    if (kernels::alike_in_memory(buffer, added))
      kernels::momentum_(buffer, added, 1, /*average=*/false, /*ahead=*/false);
    else
      buffer.add_(added).clamp_(-largest, largest);
    return options.nesterov ? at::add(added, buffer, mu).clamp_(-largest, largest) : buffer;
  }
  if (kernels::alike_in_memory(buffer, g)) {
    const auto ahead = kernels::momentum_(buffer, g, mu, options.kind == MomentumKind::ema, options.nesterov);
    return options.nesterov ? ahead : buffer;
  }
  // Not lerp: it takes differences, which leave the range where gradients near its end change their sign.
  if (options.kind == MomentumKind::ema) {
    buffer.mul_(mu).add_(g, 1 - mu);
    return options.nesterov ? at::mul(g, 1 - mu).add_(buffer, mu) : buffer;
  }
  buffer.mul_(mu).add_(g).clamp_(-largest, largest);
  return options.nesterov ? at::add(g, buffer, mu).clamp_(-largest, largest) : buffer;
}

}  // namespace fanion::optim
