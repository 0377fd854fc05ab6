#include "fanion/linalg/composed_operators.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/matmul.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "fanion/linalg/dense/finite_entries.h"
#include "fanion/linalg/random_start.h"

namespace fanion::linalg {
namespace {

std::string described(const LinearOperator& A) {
  return c10::str(A.rows(), " x ", A.cols(), " ", A.options().dtype(), " on ", A.options().device());
}

bool same_kind(const LinearOperator& A, const LinearOperator& B) {
  return A.options().dtype() == B.options().dtype() && A.options().device() == B.options().device();
}

/// The first part, from which the composite takes what all have in common.
const LinearOperator& first_of(const std::vector<OperatorPtr>& parts, const char* what) {
  TORCH_CHECK_VALUE(!parts.empty(), what, " needs at least one operator");
  for (const auto& part : parts) TORCH_CHECK_VALUE(part, what, " was given a null operator");
  return *parts[0];
}

int64_t rows_of(const std::vector<OperatorPtr>& blocks) {
  first_of(blocks, "a row-block operator");
  int64_t rows = 0;
  for (const auto& block : blocks) rows += block->rows();
  return rows;
}

const LinearOperator& checked(const OperatorPtr& A, const char* what) {
  TORCH_CHECK_VALUE(A, what, " was given a null operator");
  return *A;
}

int64_t rows_of_factor(const at::Tensor& U, const char* name) {
  TORCH_CHECK_VALUE(U.defined() && U.dim() == 2, name, " of U diag(s) Vᵀ needs 2 dimensions, got ",
                    U.defined() ? U.dim() : 0);
  TORCH_CHECK_VALUE(U.scalar_type() == at::kFloat || U.scalar_type() == at::kDouble, name,
                    " of U diag(s) Vᵀ must be float32 or float64, got ", U.scalar_type());
  return U.size(0);
}

/// ‖x_j‖ in float64, of any scale.
at::Tensor column_norms(const at::Tensor& X) {
  const auto wide = X.to(at::kDouble), largest = wide.abs().amax().clamp_min(std::numeric_limits<double>::min());
  return at::linalg_vector_norm(wide / largest, 2, {{0}}) * largest;
}

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

LowRankOperator::LowRankOperator(const at::Tensor& U, const at::Tensor& s, const at::Tensor& V)
    : LinearOperator{rows_of_factor(U, "U"), rows_of_factor(V, "V"), U.options()},
      U_(U.detach()),
      s_(s.detach()),
      V_(V.detach()) {
  TORCH_CHECK_VALUE(s.dim() == 1 && U.size(1) == s.size(0) && V.size(1) == s.size(0),
                    "U diag(s) Vᵀ needs U (m, r), s (r,) and V (n, r); they have shapes ", U.sizes(), ", ", s.sizes(),
                    " and ", V.sizes());
  for (const auto& x : {s, V}) {
    TORCH_CHECK_VALUE(x.dtype() == U.dtype() && x.device() == U.device(), "U, s and V of U diag(s) Vᵀ need one dtype ",
                      "and device; they are ", U.dtype(), " on ", U.device(), ", ", s.dtype(), " on ", s.device(),
                      " and ", V.dtype(), " on ", V.device());
  }
  check_finite(U_, "U of U diag(s) Vᵀ");
  check_finite(s_, "s of U diag(s) Vᵀ");
  check_finite(V_, "V of U diag(s) Vᵀ");
  if (s_.numel() > 0)
    scale_ = column_norms((column_norms(U_) * s_.to(at::kDouble) * column_norms(V_)).unsqueeze(1)).item<double>();
}

at::Tensor LowRankOperator::product(const at::Tensor& X) const {
  return at::matmul(U_, s_.unsqueeze(1) * at::matmul(V_.t(), X));
}
at::Tensor LowRankOperator::adjoint_product(const at::Tensor& X) const {
  return at::matmul(V_, s_.unsqueeze(1) * at::matmul(U_.t(), X));
}
at::Tensor LowRankOperator::to_dense() const { return at::matmul(U_ * s_, V_.t()); }
at::Tensor LowRankOperator::product_in_double(const at::Tensor& X) const {
  const auto inner = at::matmul(V_.to(at::kDouble).t(), X.to(at::kDouble));
  return at::matmul(U_.to(at::kDouble), s_.to(at::kDouble).unsqueeze(1) * inner);
}
at::Tensor LowRankOperator::adjoint_product_in_double(const at::Tensor& X) const {
  const auto inner = at::matmul(U_.to(at::kDouble).t(), X.to(at::kDouble));
  return at::matmul(V_.to(at::kDouble), s_.to(at::kDouble).unsqueeze(1) * inner);
}

RowBlocksOperator::RowBlocksOperator(std::vector<OperatorPtr> blocks)
    : LinearOperator{rows_of(blocks), blocks[0]->cols(), blocks[0]->options()}, blocks_(std::move(blocks)) {
  for (std::size_t i = 1; i < blocks_.size(); ++i) {
    TORCH_CHECK_VALUE(blocks_[i]->cols() == cols() && same_kind(*blocks_[i], *this), "row block ", i, " is ",
                      described(*blocks_[i]), "; row block 0 is ", described(*blocks_[0]));
  }
}

at::Tensor RowBlocksOperator::product(const at::Tensor& V) const {
  std::vector<at::Tensor> products;
  for (const auto& block : blocks_) products.push_back(block->apply(V));
  return at::cat(products);
}

at::Tensor RowBlocksOperator::adjoint_product(const at::Tensor& U) const {
  at::Tensor sum;
  int64_t row = 0;
  for (const auto& block : blocks_) {
    const auto part = block->apply_adjoint(U.narrow(0, row, block->rows()));
    sum = sum.defined() ? sum + part : part;
    row += block->rows();
  }
  return sum;
}

at::Tensor RowBlocksOperator::to_dense() const {
  std::vector<at::Tensor> parts;
  for (const auto& block : blocks_) parts.push_back(block->to_dense());
  return at::cat(parts);
}

double RowBlocksOperator::rounding_scale() const {
  double squares = 0;
  for (const auto& block : blocks_) squares += std::pow(block->rounding_scale(), 2);
  return std::sqrt(squares);
}

at::Tensor RowBlocksOperator::product_in_double(const at::Tensor& V) const {
  std::vector<at::Tensor> products;
  for (const auto& block : blocks_) {
    products.push_back(block->apply_in_double(V));
    if (!products.back().defined()) return {};
  }
  return at::cat(products);
}

at::Tensor RowBlocksOperator::adjoint_product_in_double(const at::Tensor& U) const {
  at::Tensor sum;
  int64_t row = 0;
  for (const auto& block : blocks_) {
    const auto part = block->apply_adjoint_in_double(U.narrow(0, row, block->rows()));
    if (!part.defined()) return {};
    sum = sum.defined() ? sum + part : part;
    row += block->rows();
  }
  return sum;
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
