#include "fanion/optim/cosmos.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/linalg_qr.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/pow.h>
#include <ATen/ops/where.h>

#include <cmath>

#include "fanion/over_norm.h"
#include "fanion/power_of_two.h"

namespace fanion::optim {
namespace {

constexpr double kCosmosEps = 1e-8;  // the authors', as Adam's; here relative, so that no scale matters

constexpr double kNone = -1e4;

/// As power_of_two.h has them, kNone of a zero matrix.
at::Tensor exponents_of(const at::Tensor& X) { return exponents_of_largest(X, {{-2, -1}}, kNone); }

at::Tensor over_frobenius(const at::Tensor& X) { return over_norm(X, {{-2, -1}}); }

/// The state's unit moves to where entries of g and M are at most 1 and squares neither leave the range nor vanish; its
/// exponents, of the shape of those of now.
at::Tensor move_unit(const CosmosState& state, const at::Tensor& exponents_of_now) {
  const auto before = state.exponent.to(at::kDouble).view(exponents_of_now.sizes());
  const auto of_squares = (exponents_of(state.second_moment) / 2).ceil() + before;
  const auto largest = at::maximum(exponents_of_now, of_squares);
  const auto now = at::where(largest > kNone / 4, largest, before);
  state.covariance.copy_(times_powers_of_two(state.covariance, 2 * (before - now)));
  state.second_moment.copy_(times_powers_of_two(state.second_moment, 2 * (before - now)));
  state.exponent.copy_(now.view(state.exponent.sizes()));
  return now;
}

/// U, S and V by what g, in their unit, adds.
void update(const CosmosState& state, const at::Tensor& g, const at::Tensor& beta) {
  const auto turned =
      at::matmul(state.basis, state.covariance) * beta + at::matmul(g.mT(), at::matmul(g, state.basis)) * (1 - beta);
  const auto is_there = (turned != 0).flatten(-2).any(-1).unsqueeze(-1).unsqueeze(-1);
  const auto U = at::where(is_there, std::get<0>(at::linalg_qr(turned)), state.basis);
  const auto turn = at::matmul(state.basis.mT(), U), inside = at::matmul(g, U);
  state.covariance.copy_(at::matmul(turn.mT(), at::matmul(state.covariance, turn)) * beta +
                         at::matmul(inside.mT(), inside) * (1 - beta));
  state.second_moment.mul_(beta).add_(inside.square() * (1 - beta));
  state.basis.copy_(U);
  state.count.add_(1);
}

/// √V̂ and a little, of which nothing is zero.
at::Tensor root_of(const at::Tensor& V) {
  const auto root = V.sqrt();
  return root + root.amax({-2, -1}, /*keepdim=*/true) * kCosmosEps + 0x1p-100;
}

/// 1 − x^t, t with the dimensions of x.
at::Tensor weight_sum(const at::Tensor& x, const at::Tensor& t) { return 1 - at::pow(x, t); }

}  // namespace

norms::Direction cosmos_direction(const at::Tensor& g, const at::Tensor& whole_M, const CosmosState& state,
                                  const CosmosNumbers& numbers,
                                  const std::function<norms::Direction(const at::Tensor&)>& rest) {
  const auto wide = g.to(whole_M.scalar_type());
  const auto exponents = move_unit(state, at::maximum(exponents_of(wide), exponents_of(whole_M)));
  const auto M = times_powers_of_two(whole_M, -exponents);
  update(state, times_powers_of_two(wide, -exponents), numbers.beta);
  const auto& U = state.basis;
  const auto t = state.count.to(M.options()).view(numbers.momentum.sizes());
  auto weight = weight_sum(numbers.momentum, numbers.nesterov ? t + 1 : t);
  if (numbers.is_sum) weight = weight / (1 - numbers.momentum);
  const auto inside = at::matmul(M, U);
  const auto root = root_of(state.second_moment / weight_sum(numbers.beta, t));
  const auto A = at::matmul(inside / weight / root, U.mT());
  const auto outside = M - at::matmul(inside, U.mT());
  const auto B = over_frobenius(norms::to_dense(rest(outside), outside));
  const double entries = static_cast<double>(M.size(-2)) * static_cast<double>(M.size(-1));
  const auto G = B * (numbers.gamma * std::sqrt(entries)) - A;
  return {{norms::DenseTerm{numbers.length, over_frobenius(G)}}};
}

}  // namespace fanion::optim
