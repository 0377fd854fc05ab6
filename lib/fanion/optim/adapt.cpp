#include "fanion/optim/adapt.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/where.h>

namespace fanion::optim {
namespace {

constexpr double kAdaptEps = 1e-8;  // dion's

/// c/(√v + ε) for the squares of a direction, of rows or of entries, each of which counts `count` entries.
at::Tensor factors(const at::Tensor& squares, int64_t count, at::Tensor& v, const at::Tensor& beta) {
  const auto size = [](const at::Tensor& sums) { return sums.sum({-2, -1}, /*keepdim=*/true).sqrt(); };
  v.mul_(beta).add_(squares / count * (1 - beta));
  const auto inverse = (v.sqrt() + kAdaptEps).reciprocal();
  const auto after = size(squares * inverse.square());
  return inverse * at::where(after > 0, size(squares) / after, after);
}

/// ‖row i of U Vᵀ‖², (m, 1).
at::Tensor row_squares(const norms::LowRankTerm& t) {
  const auto gram = at::matmul(t.V.mT(), t.V);
  return (at::matmul(t.U, gram) * t.U).sum({-1}, /*keepdim=*/true).clamp_min(0) * (t.coef * t.coef);
}

}  // namespace

norms::Direction adapted(const norms::Direction& D, Adapt adapt, at::Tensor& v, const at::Tensor& beta,
                         const at::Tensor& like) {
  if (adapt == Adapt::none) return D;
  if (adapt == Adapt::neuron && D.terms.size() == 1) {
    if (const auto* t = std::get_if<norms::LowRankTerm>(&D.terms[0]))
      return {{norms::LowRankTerm{t->coef, t->U * factors(row_squares(*t), like.size(-1), v, beta), t->V}}};
  }
  const auto dense = norms::to_dense(D, like), squares = dense.square();
  const bool by_rows = adapt == Adapt::neuron;
  const auto factor =
      by_rows ? factors(squares.sum({-1}, /*keepdim=*/true), like.size(-1), v, beta) : factors(squares, 1, v, beta);
  return {{norms::DenseTerm{1, dense * factor}}};
}

}  // namespace fanion::optim
