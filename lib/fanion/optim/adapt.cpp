#include "fanion/optim/adapt.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/sqrt.h>
#include <ATen/ops/where.h>

#include <cmath>

namespace fanion::optim {
namespace {

constexpr double kAdaptEps = 1e-8;  // dion's

/// √(sum of squares) of each matrix, keeping its dimensions.
at::Tensor size_of(const at::Tensor& X) { return at::linalg_vector_norm(X, 2, {{-2, -1}}, /*keepdim=*/true); }

/// before/after, 0 where after is.
at::Tensor rescale_factor(const at::Tensor& before, const at::Tensor& after) {
  return at::where(after > 0, before / after, after);
}

/// c/(√v + ε) for each row, given the rows' norms; v is brought up to date with their squares over `columns`.
at::Tensor row_factors(const at::Tensor& rows, int64_t columns, at::Tensor& v, const at::Tensor& beta) {
  v.mul_(beta).add_(rows.square() / columns * (1 - beta));
  const auto inverse = (v.sqrt() + kAdaptEps).reciprocal();
  return inverse * rescale_factor(size_of(rows), size_of(rows * inverse));
}

/// ‖row i of U Vᵀ‖, (m, 1).
at::Tensor row_norms_of(const norms::LowRankTerm& t) {
  const auto gram = at::matmul(t.V.mT(), t.V);
  return (at::matmul(t.U, gram) * t.U).sum({-1}, /*keepdim=*/true).clamp_min(0).sqrt() * std::abs(t.coef);
}

}  // namespace

norms::Direction adapted(const norms::Direction& D, Adapt adapt, at::Tensor& v, const at::Tensor& beta,
                         const at::Tensor& like) {
  if (adapt == Adapt::none) return D;
  if (adapt == Adapt::neuron && D.terms.size() == 1) {
    if (const auto* t = std::get_if<norms::LowRankTerm>(&D.terms[0]))
      return {{norms::LowRankTerm{t->coef, t->U * row_factors(row_norms_of(*t), like.size(-1), v, beta), t->V}}};
  }
  // In place from here on: a new matrix costs more than reading one.
  auto dense = norms::to_dense(D, like);
  if (adapt == Adapt::neuron) {
    const auto rows = at::linalg_vector_norm(dense, 2, {{-1}}, /*keepdim=*/true);
    dense.mul_(row_factors(rows, like.size(-1), v, beta));
  } else {
    const auto before = size_of(dense);
    auto work = dense.square();
    v.lerp_(work, 1 - beta);
    at::sqrt_out(work, v).add_(kAdaptEps);
    dense.div_(work).mul_(rescale_factor(before, size_of(dense)));
  }
  return {{norms::DenseTerm{1, dense}}};
}

}  // namespace fanion::optim
