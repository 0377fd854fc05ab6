#include "fanion/linalg/composed_operators.h"

#include <ATen/TensorOperators.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "fanion/linalg/operators/operator_parts.h"
#include "fanion/linalg/random_start.h"

namespace fanion::linalg {
namespace {

/// ‖A‖₂ to a factor of two or so, where a few directions hold most of A, which is where sums cancel: the largest
/// ‖AᵀA x‖/‖A x‖ of four random x; or what rounding of its own parts is proportional to, if that is more.
double size_of(const LinearOperator& A) {
  const auto X = random_block(A.cols(), std::min<int64_t>(4, A.cols()), A.options(), {});
  const auto Y = A.apply(X);
  const auto norms = column_norms(Y).clamp_min(std::numeric_limits<double>::min());
  const auto Z = A.apply_adjoint((Y.to(at::kDouble) / norms).to(A.options().dtype().toScalarType()));
  return std::max(column_norms(Z).amax().item<double>(), A.rounding_scale());
}

}  // namespace

SumOperator::SumOperator(std::vector<OperatorPtr> terms, std::vector<double> weights)
    : LinearOperator{first_of(terms, "a sum").rows(), terms[0]->cols(), terms[0]->options()},  // braces: left to right
      terms_(std::move(terms)),
      weights_(std::move(weights)) {
  if (weights_.empty()) weights_.assign(terms_.size(), 1);
  TORCH_CHECK_VALUE(weights_.size() == terms_.size(), "a sum of ", terms_.size(), " operators was given ",
                    weights_.size(), " weights");
  for (std::size_t i = 0; i < terms_.size(); ++i) {
    TORCH_CHECK_VALUE(std::isfinite(weights_[i]), "weight ", i, " of a sum is ", weights_[i], "; it must be finite");
    TORCH_CHECK_VALUE(terms_[i]->rows() == rows() && terms_[i]->cols() == cols() && same_kind(*terms_[i], *this),
                      "term ", i, " of a sum is ", described(*terms_[i]), "; term 0 is ", described(*this));
  }
}

int64_t SumOperator::entries() const {
  int64_t sum = 0;
  for (const auto& term : terms_) sum += term->entries();
  return sum;
}

template <class Part>
at::Tensor SumOperator::sum_of(const Part& part) const {
  auto sum = part(*terms_[0]) * weights_[0];  // a new tensor: a part may return one that it keeps
  for (std::size_t i = 1; i < terms_.size(); ++i) sum.add_(part(*terms_[i]), weights_[i]);
  return sum;
}

template <class Part>
at::Tensor SumOperator::sum_in_double(const Part& part) const {
  at::Tensor sum;
  for (std::size_t i = 0; i < terms_.size(); ++i) {
    const auto one = part(*terms_[i]);
    if (!one.defined()) return {};
    sum = sum.defined() ? sum.add_(one, weights_[i]) : one * weights_[i];
  }
  return sum;
}

at::Tensor SumOperator::product(const at::Tensor& V) const {
  return sum_of([&](const LinearOperator& A) { return A.apply(V); });
}
at::Tensor SumOperator::adjoint_product(const at::Tensor& U) const {
  return sum_of([&](const LinearOperator& A) { return A.apply_adjoint(U); });
}
at::Tensor SumOperator::to_dense() const {
  return sum_of([](const LinearOperator& A) { return A.to_dense(); });
}
at::Tensor SumOperator::product_in_double(const at::Tensor& V) const {
  return sum_in_double([&](const LinearOperator& A) { return A.apply_in_double(V); });
}
at::Tensor SumOperator::adjoint_product_in_double(const at::Tensor& U) const {
  return sum_in_double([&](const LinearOperator& A) { return A.apply_adjoint_in_double(U); });
}

double SumOperator::rounding_scale() const {
  if (terms_.size() == 1) return std::abs(weights_[0]) * terms_[0]->rounding_scale();
  if (!scale_) {
    scale_ = 0;
    for (std::size_t i = 0; i < terms_.size(); ++i) *scale_ += std::abs(weights_[i]) * size_of(*terms_[i]);
  }
  return *scale_;
}

ProductOperator::ProductOperator(OperatorPtr A, OperatorPtr B)
    : LinearOperator{checked(A, "a product").rows(), checked(B, "a product").cols(), A->options()},
      A_(std::move(A)),
      B_(std::move(B)) {
  TORCH_CHECK_VALUE(A_->cols() == B_->rows() && same_kind(*A_, *B_), "a product A B needs as many columns of A as ",
                    "rows of B, of one dtype and device; A is ", described(*A_), ", B is ", described(*B_));
}

at::Tensor ProductOperator::to_dense() const {
  // The factor on the longer side is formed, the other multiplies its min(m, n) columns.
  return rows() < cols() ? B_->apply_adjoint(A_->to_dense().t()).t() : A_->apply(B_->to_dense());
}

double ProductOperator::rounding_scale() const {
  if (!scale_) scale_ = size_of(*A_) * size_of(*B_);
  return *scale_;
}

at::Tensor ProductOperator::product_in_double(const at::Tensor& V) const {
  const auto inner = B_->apply_in_double(V);
  return inner.defined() ? A_->apply_in_double(inner) : inner;
}
at::Tensor ProductOperator::adjoint_product_in_double(const at::Tensor& U) const {
  const auto inner = A_->apply_adjoint_in_double(U);
  return inner.defined() ? B_->apply_adjoint_in_double(inner) : inner;
}

OperatorPtr adjoint_of(OperatorPtr A) {
  struct Owned {
    OperatorPtr A;
    AdjointOperator adjoint;
  };
  const auto& reference = checked(A, "a transpose");
  const auto owned = std::make_shared<Owned>(Owned{std::move(A), AdjointOperator(reference)});
  return {owned, &owned->adjoint};
}

}  // namespace fanion::linalg
