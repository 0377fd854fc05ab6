#include "fanion/optim/adapt.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/sqrt.h>
#include <ATen/ops/where.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <utility>

namespace fanion::optim {
namespace {

constexpr double kAdaptEps = 1e-8;  // dion's

using Sum = norms::MatrixLayout::Sum;

/// `X` and then the sums of these over processes.
at::Tensor summed_over(at::Tensor X, std::initializer_list<const Sum*> sums) {
  for (const auto* sum : sums)
    if (sum != nullptr) X = norms::completed(std::move(X), *sum);
  return X;
}

/// √(sum of squares) along dimensions, which stay, and over processes.
at::Tensor norm_along(const at::Tensor& X, at::IntArrayRef dims, std::initializer_list<const Sum*> sums) {
  const auto here = at::linalg_vector_norm(X, 2, dims, /*keepdim=*/true);
  const bool alone = std::ranges::all_of(sums, [](const Sum* sum) { return sum == nullptr || !*sum; });
  return alone ? here : summed_over(here.square(), sums).sqrt();
}

/// before/after, 0 where after is.
at::Tensor rescale_factor(const at::Tensor& before, const at::Tensor& after) {
  return at::where(after > 0, before / after, after);
}

/// c/(√v + ε) for each row, given the rows' norms; v is brought up to date with their squares over `columns`.
at::Tensor row_factors(const at::Tensor& rows, int64_t columns, at::Tensor& v, const at::Tensor& beta,
                       const Sum* over_rows) {
  v.mul_(beta).add_(rows.square() / columns * (1 - beta));
  const auto inverse = (v.sqrt() + kAdaptEps).reciprocal();
  const auto size_of = [&](const at::Tensor& X) { return norm_along(X, {-2, -1}, {over_rows}); };
  return inverse * rescale_factor(size_of(rows), size_of(rows * inverse));
}

/// ‖row i of U Vᵀ‖, (m, 1).
at::Tensor row_norms_of(const norms::LowRankTerm& t, const Sum* over_columns) {
  const auto gram = summed_over(at::matmul(t.V.mT(), t.V), {over_columns});
  return (at::matmul(t.U, gram) * t.U).sum({-1}, /*keepdim=*/true).clamp_min(0).sqrt() * std::abs(t.coef);
}

}  // namespace

norms::Direction adapted(const norms::Direction& D, Adapt adapt, at::Tensor& v, const at::Tensor& beta,
                         const at::Tensor& like, const norms::MatrixLayout* layout) {
  if (adapt == Adapt::none) return D;
  const auto *over_rows = layout ? &layout->over_rows : nullptr,
             *over_columns = layout ? &layout->over_columns : nullptr;
  const auto columns = layout ? layout->n : like.size(-1);
  if (adapt == Adapt::neuron && D.terms.size() == 1) {
    if (const auto* t = std::get_if<norms::LowRankTerm>(&D.terms[0]))
      return {{norms::LowRankTerm{
          t->coef, t->U * row_factors(row_norms_of(*t, over_columns), columns, v, beta, over_rows), t->V}}};
  }
  // In place from here on: a new matrix costs more than reading one.
  auto dense = norms::to_dense(D, like);
  if (adapt == Adapt::neuron) {
    const auto rows = norm_along(dense, {-1}, {over_columns});
    dense.mul_(row_factors(rows, columns, v, beta, over_rows));
  } else {
    const auto size_of = [&](const at::Tensor& X) { return norm_along(X, {-2, -1}, {over_rows, over_columns}); };
    const auto before = size_of(dense);
    auto work = dense.square();
    v.lerp_(work, 1 - beta);
    at::sqrt_out(work, v).add_(kAdaptEps);
    dense.div_(work).mul_(rescale_factor(before, size_of(dense)));
  }
  return {{norms::DenseTerm{1, dense}}};
}

}  // namespace fanion::optim
