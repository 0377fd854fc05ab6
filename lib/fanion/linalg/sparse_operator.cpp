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

SparseOperator::Rows SparseOperator::compressed(const at::Tensor& A) {
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
  return {to_csr(wide ? A.detach() : A.detach().to(at::kFloat))};
}

SparseOperator::SparseOperator(const at::Tensor& A) : SparseOperator(compressed(A)) {}

struct SparseOperator::Compressed {
  kernels::CompressedMatrix A, At;
};

SparseOperator::SparseOperator(const Rows& rows)
    : LinearOperator(rows.A.size(0), rows.A.size(1), rows.A.options().layout(at::kStrided)), A_(rows.A) {
  squares_ = kernels::sum_of_squares(A_.values());
  if (!std::isfinite(squares_)) check_finite(A_.values(), "the sparse matrix");
  auto transposed = to_csr(A_.t());
  if (kernels::takes_sparse(A_) && kernels::takes_sparse(transposed))
    compressed_ = std::make_shared<Compressed>(Compressed{kernels::compressed(A_), kernels::compressed(transposed)});
  else
    At_ = std::move(transposed);
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
