#include "fanion/optim/momentum.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/add.h>
#include <ATen/ops/mul.h>

#include "fanion/dtype_limits.h"
#include "fanion/kernels/dense_steps.h"
#include "fanion/names.h"

namespace fanion::optim {
namespace {

constexpr std::array<Named<MomentumKind>, 2> kKinds{{{MomentumKind::ema, "ema"}, {MomentumKind::sum, "sum"}}};

}  // namespace

at::Tensor update_momentum_(at::Tensor& buffer, const at::Tensor& grad, const MomentumOptions& options) {
  const auto g = grad.to(buffer.scalar_type());
  const double mu = options.momentum;
  if (kernels::alike_in_memory(buffer, g)) {
    const auto ahead = kernels::momentum_(buffer, g, mu, options.kind == MomentumKind::ema, options.nesterov);
    return options.nesterov ? ahead : buffer;
  }
  // Not lerp: it takes differences, which leave the range where gradients near its end change their sign.
  if (options.kind == MomentumKind::ema) {
    buffer.mul_(mu).add_(g, 1 - mu);
    return options.nesterov ? at::mul(g, 1 - mu).add_(buffer, mu) : buffer;
  }
  const double largest = largest_number(buffer.scalar_type());
  buffer.mul_(mu).add_(g).clamp_(-largest, largest);
  return options.nesterov ? at::add(g, buffer, mu).clamp_(-largest, largest) : buffer;
}

MomentumKind momentum_kind_from_name(std::string_view name) { return parse_name(kKinds, name, "momentum kind"); }
std::string_view name_of(MomentumKind kind) { return find_name(kKinds, kind); }

}  // namespace fanion::optim
