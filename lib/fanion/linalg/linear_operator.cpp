#include "fanion/linalg/linear_operator.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/eye.h>

#include <algorithm>

#include "fanion/dtype_limits.h"
#include "fanion/kernels/skinny_product.h"
#include "fanion/linalg/dense/finite_entries.h"
#include "fanion/no_autocast.h"

namespace fanion::linalg {
namespace {

void check_block(const at::Tensor& X, int64_t rows, const at::TensorOptions& options, const char* what) {
  TORCH_CHECK_VALUE(X.defined(), what, " is an undefined tensor; expected (", rows, ", b)");
  TORCH_CHECK_VALUE(X.dim() == 2 && X.size(0) == rows, what, " has shape ", X.sizes(), "; expected (", rows, ", b)");
  TORCH_CHECK_VALUE(X.dtype() == options.dtype() && X.device() == options.device(), what, " is ", X.dtype(), " on ",
                    X.device(), "; expected ", options.dtype(), " on ", options.device());
  TORCH_CHECK_VALUE(X.layout() == at::kStrided, what, " has layout ", X.layout(), "; expected ", at::kStrided);
}

/// A copy of what a function gave. Only what can be a product is looked into; the rest is for `apply` to refuse.
at::Tensor checked_product(const at::Tensor& Y, const at::TensorOptions& options, const char* what) {
  if (!Y.defined() || Y.dtype() != options.dtype() || Y.device() != options.device() || Y.layout() != at::kStrided ||
      Y.dim() != 2)
    return Y;
  check_finite(Y, what);
  return kernels::copied_block(Y.detach());
}

}  // namespace

LinearOperator::LinearOperator(int64_t rows, int64_t cols, at::TensorOptions options)
    : rows_(rows), cols_(cols), options_(options.requires_grad(false)) {
  TORCH_CHECK_VALUE(rows >= 1 && cols >= 1, "a matrix needs at least one row and one column, got ", rows, " x ", cols);
}

double LinearOperator::eps() const { return machine_epsilon(options_.dtype().toScalarType()); }

double LinearOperator::relative_rounding(double sigma1) const {
  const double scale = rounding_scale();
  constexpr double kMost = 1e3;  // nothing is known long before
  return scale > sigma1 ? eps() * scale / std::max(sigma1, eps() * scale / kMost) : eps();
}

at::Tensor LinearOperator::apply_in_double(const at::Tensor& V) const {
  auto Y = product_in_double(V);
  if (Y.defined()) count_.forward += V.size(1), ++count_.reads;
  return Y;
}

at::Tensor LinearOperator::apply_adjoint_in_double(const at::Tensor& U) const {
  auto Z = adjoint_product_in_double(U);
  if (Z.defined()) count_.adjoint += U.size(1), ++count_.reads;
  return Z;
}

at::Tensor LinearOperator::apply(const at::Tensor& V) const {
  const NoAutocast whole;
  check_block(V, cols_, options_, "the block given to A");
  auto Y = product(V);
  check_block(Y, rows_, options_, "the product A V");
  TORCH_CHECK_VALUE(Y.size(1) == V.size(1), "A V has ", Y.size(1), " columns; V has ", V.size(1));
  count_.forward += V.size(1);
  ++count_.reads;
  return Y.is_alias_of(V) ? kernels::copied_block(Y) : Y;
}

at::Tensor LinearOperator::apply_adjoint(const at::Tensor& U) const {
  const NoAutocast whole;
  check_block(U, rows_, options_, "the block given to Aᵀ");
  auto Z = adjoint_product(U);
  check_block(Z, cols_, options_, "the product Aᵀ U");
  TORCH_CHECK_VALUE(Z.size(1) == U.size(1), "Aᵀ U has ", Z.size(1), " columns; U has ", U.size(1));
  count_.adjoint += U.size(1);
  ++count_.reads;
  return Z.is_alias_of(U) ? kernels::copied_block(Z) : Z;
}

std::pair<at::Tensor, at::Tensor> LinearOperator::apply_gram(const at::Tensor& V) const {
  const NoAutocast whole;
  const int64_t reads = gram_reads(V.size(1));
  if (reads == 0) {
    auto Y = apply(V);
    auto Z = apply_adjoint(Y);
    return {std::move(Y), std::move(Z)};
  }
  check_block(V, cols_, options_, "the block given to AᵀA");
  auto both = gram_product(V);
  count_.forward += V.size(1);
  count_.adjoint += V.size(1);
  count_.reads += reads;
  return both;
}

std::pair<at::Tensor, at::Tensor> LinearOperator::apply_adjoint_gram(const at::Tensor& U) const {
  const NoAutocast whole;
  const int64_t reads = adjoint_gram_reads(U.size(1));
  if (reads == 0) {
    auto Z = apply_adjoint(U);
    auto Y = apply(Z);
    return {std::move(Z), std::move(Y)};
  }
  check_block(U, rows_, options_, "the block given to AAᵀ");
  auto both = adjoint_gram_product(U);
  count_.forward += U.size(1);
  count_.adjoint += U.size(1);
  count_.reads += reads;
  return both;
}

std::pair<at::Tensor, at::Tensor> LinearOperator::gram_product(const at::Tensor&) const {
  TORCH_INTERNAL_ASSERT(false, "an operator that sweeps A once for AᵀA V must override gram_product");
}
std::pair<at::Tensor, at::Tensor> LinearOperator::adjoint_gram_product(const at::Tensor&) const {
  TORCH_INTERNAL_ASSERT(false, "an operator that sweeps A once for AAᵀ U must override adjoint_gram_product");
}

at::Tensor LinearOperator::to_dense() const {
  return rows_ < cols_ ? apply_adjoint(at::eye(rows_, options_)).t() : apply(at::eye(cols_, options_));
}

std::optional<Narrowed> LinearOperator::narrowed(NarrowFormat) const { return std::nullopt; }

FunctionOperator::FunctionOperator(int64_t rows, int64_t cols, at::TensorOptions options, Product apply,
                                   Product apply_adjoint)
    : LinearOperator(rows, cols, options), apply_(std::move(apply)), apply_adjoint_(std::move(apply_adjoint)) {
  TORCH_CHECK_VALUE(apply_ && apply_adjoint_, "an operator needs both products, A V and Aᵀ U");
  const auto dtype = c10::typeMetaToScalarType(options.dtype());
  TORCH_CHECK_VALUE(dtype == at::kFloat || dtype == at::kDouble, "an operator's vectors are float32 or float64, got ",
                    dtype);
}

at::Tensor FunctionOperator::product(const at::Tensor& V) const {
  return checked_product(apply_(V), options(), "the product A V");
}
at::Tensor FunctionOperator::adjoint_product(const at::Tensor& U) const {
  return checked_product(apply_adjoint_(U), options(), "the product Aᵀ U");
}

}  // namespace fanion::linalg
