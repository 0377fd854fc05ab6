#include "fanion/linalg/polar/gram_newton_schulz.h"

#include <ATen/TensorOperators.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "fanion/linalg/polar/block_products.h"

namespace fanion::linalg {
namespace {

double unit_roundoff(at::ScalarType dtype) {
  switch (dtype) {
    case at::kDouble: return 0x1p-53;
    case at::kFloat: return 0x1p-24;
    case at::kHalf: return 0x1p-11;
    case at::kBFloat16: return 0x1p-8;
    default: TORCH_CHECK_VALUE(false, "the Gram form takes float64, float32, float16 or bfloat16, got ", dtype);
  }
}

/// The product of the steps' factors aI + bR + cR², from R on.
at::Tensor run_factor(at::Tensor R, const Quintic* first, const Quintic* last) {
  at::Tensor Q;
  for (const auto* step = first; step != last; ++step) {
    const auto& [a, b, c] = *step;
    const auto Z = symmetric_product(R, R, c, R, b);
    if (step == first) {
      Q = Z.clone();
      Q.diagonal(0, -2, -1).add_(a);
    } else {
      Q = symmetric_product(Q, Z, 1, Q, a);
    }
    if (step + 1 == last) break;
    const auto RZ = symmetric_product(R, Z, 1, R, a);
    R = symmetric_product(Z, RZ, 1, RZ, a);
  }
  return Q;
}

}  // namespace

double gram_noise(at::ScalarType dtype) { return unit_roundoff(dtype) > 1e-6 ? 0.05 : 1e-3; }

std::vector<std::size_t> gram_restarts(const std::vector<Quintic>& steps, at::ScalarType dtype) {
  const double most = gram_noise(dtype);
  std::vector<std::size_t> restarts;
  double noise = unit_roundoff(dtype);
  for (std::size_t i = 1; i < steps.size(); ++i) {
    noise *= steps[i - 1][0] * steps[i - 1][0];
    if (noise <= most) continue;
    restarts.push_back(i);
    noise = unit_roundoff(dtype);
  }
  return restarts;
}

at::Tensor gram_newton_schulz(at::Tensor X, const std::vector<Quintic>& steps, at::Tensor first,
                              const std::function<at::Tensor(at::Tensor)>& complete) {
  TORCH_CHECK_VALUE(complete || X.size(-2) <= X.size(-1), "the Gram form takes m <= n, got ", X.sizes());
  auto bounds = gram_restarts(steps, X.scalar_type());
  TORCH_CHECK_VALUE(steps.size() == 1 || bounds.size() + 1 < steps.size(), "in ", X.scalar_type(),
                    " the Gram form would restart after every one of these ", steps.size(),
                    " steps; take the direct form, or more digits");
  bounds.push_back(steps.size());
  std::size_t begin = 0;
  for (const auto end : bounds) {
    auto R = first.defined() ? std::exchange(first, {}) : symmetric_product(X, X.mT());
    if (complete) R = complete(std::move(R));
    X = product(run_factor(R, steps.data() + begin, steps.data() + end), X);
    begin = end;
  }
  return X;
}

}  // namespace fanion::linalg
