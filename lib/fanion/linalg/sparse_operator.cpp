#include "fanion/linalg/sparse_operator.h"

#include <ATen/ops/matmul.h>
#include <c10/util/Exception.h>

#include <cmath>

#include "fanion/kernels/sparse_product.h"
#include "fanion/kernels/sum_of_squares.h"
#include "fanion/linalg/dense/finite_entries.h"

namespace fanion::linalg {
namespace {

/// CSR, without torch's remark that this layout is young: the caller did not choose it.
at::Tensor to_csr(const at::Tensor& A) {
  class Silent final : public c10::WarningHandler {
    void process(const c10::Warning& /*warning*/) override {}
  } silent;
  const c10::WarningUtils::WarningHandlerGuard guard(&silent);
  return A.to_sparse_csr();
}

kernels::CompressedMatrix in_double(kernels::CompressedMatrix A) {
  A.values = A.values.to(at::kDouble);
  return A;
}

}  // namespace

SparseOperator::Stored SparseOperator::stored(const at::Tensor& A) {
  TORCH_CHECK_VALUE(A.defined() && A.dim() == 2, "a matrix needs 2 dimensions, got ", A.defined() ? A.dim() : 0);
  const auto layout = A.layout();
  TORCH_CHECK_VALUE(layout == at::kSparse || layout == at::kSparseCsr || layout == at::kSparseCsc,
                    "a sparse matrix must have layout ", at::kSparse, ", ", at::kSparseCsr, " or ", at::kSparseCsc,
                    ", got ", layout);
  TORCH_CHECK_VALUE(layout != at::kSparse || A.dense_dim() == 0, "a sparse matrix needs scalar entries, got ",
                    A.dense_dim(), " dense dimensions");
  const auto dtype = A.scalar_type();
  const bool wide = dtype == at::kFloat || dtype == at::kDouble;
  TORCH_CHECK_VALUE(wide || dtype == at::kBFloat16 || dtype == at::kHalf, "a matrix must be float32, float64, ",
                    "bfloat16 or float16, got ", dtype);
  const auto widened = wide ? A.detach() : A.detach().to(at::kFloat);
  if (layout == at::kSparse) return {to_csr(widened)};
  return {wide ? widened.clone() : widened};  // the caller may change the entries, of which half would be copied
}

SparseOperator::SparseOperator(const at::Tensor& A) : SparseOperator(stored(A)) {}

struct SparseOperator::Compressed {
  kernels::CompressedMatrix A, At;
};

SparseOperator::SparseOperator(const Stored& s)
    : LinearOperator(s.A.size(0), s.A.size(1), s.A.options().layout(at::kStrided)), A_(s.A) {
  squares_ = kernels::sum_of_squares(A_.values());
  if (!std::isfinite(squares_)) check_finite(A_.values(), "the sparse matrix");
  const bool by_columns = A_.layout() == at::kSparseCsc;
  const auto rows = by_columns ? A_.t() : A_;
  if (kernels::takes_sparse(rows)) {
    auto one = kernels::compressed(rows), other = kernels::transposed(one);
    if (by_columns) std::swap(one, other);
    compressed_ = std::make_shared<Compressed>(Compressed{std::move(one), std::move(other)});
    return;
  }
  if (by_columns) A_ = to_csr(A_);
  At_ = to_csr(A_.t());
}

at::Tensor SparseOperator::product(const at::Tensor& V) const {
  return compressed_ ? kernels::sparse_product(compressed_->A, V) : at::matmul(A_, V);
}
at::Tensor SparseOperator::adjoint_product(const at::Tensor& U) const {
  return compressed_ ? kernels::sparse_product(compressed_->At, U) : at::matmul(At_, U);
}
at::Tensor SparseOperator::product_in_double(const at::Tensor& V) const {
  const auto X = V.to(at::kDouble);
  return compressed_ ? kernels::sparse_product(in_double(compressed_->A), X) : at::matmul(A_.to(at::kDouble), X);
}
at::Tensor SparseOperator::adjoint_product_in_double(const at::Tensor& U) const {
  const auto X = U.to(at::kDouble);
  return compressed_ ? kernels::sparse_product(in_double(compressed_->At), X) : at::matmul(At_.to(at::kDouble), X);
}

}  // namespace fanion::linalg
