#include "fanion/linalg/linear_operator.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/eye.h>

#include <cmath>

#include "fanion/dtype_limits.h"
#include "fanion/kernels/narrow_copy.h"
#include "fanion/kernels/pair_gram.h"
#include "fanion/kernels/skinny_gram.h"
#include "fanion/kernels/skinny_product.h"
#include "fanion/kernels/sum_of_squares.h"
#include "fanion/linalg/finite_entries.h"

namespace fanion::linalg {
namespace {

void check_block(const at::Tensor& X, int64_t rows, const at::TensorOptions& options, const char* what) {
  TORCH_CHECK_VALUE(X.defined(), what, " is an undefined tensor; expected (", rows, ", b)");
  TORCH_CHECK_VALUE(X.dim() == 2 && X.size(0) == rows, what, " has shape ", X.sizes(), "; expected (", rows, ", b)");
  TORCH_CHECK_VALUE(X.dtype() == options.dtype() && X.device() == options.device(), what, " is ", X.dtype(), " on ",
                    X.device(), "; expected ", options.dtype(), " on ", options.device());
  TORCH_CHECK_VALUE(X.layout() == at::kStrided, what, " has layout ", X.layout(), "; expected ", at::kStrided);
}

at::Tensor stored(const at::Tensor& A) {
  TORCH_CHECK_VALUE(A.defined() && A.dim() == 2, "a matrix needs 2 dimensions, got ", A.defined() ? A.dim() : 0);
  TORCH_CHECK_VALUE(A.layout() == at::kStrided, "a dense matrix has layout ", at::kStrided, ", got ", A.layout(),
                    "; SparseOperator takes sparse ones");
  const auto dtype = A.scalar_type();
  if (dtype == at::kFloat || dtype == at::kDouble) return A.detach();
  TORCH_CHECK_VALUE(dtype == at::kBFloat16 || dtype == at::kHalf, "a matrix must be float32, float64, bfloat16 or ",
                    "float16, got ", dtype);
  return kernels::takes_skinny(A) ? A.detach() : A.detach().to(at::kFloat);
}

/// A view of about `count` of the rows, at an odd distance, for they may have a period; undefined where they are not
/// contiguous, so that to read some would be to read most.
at::Tensor spread_rows(const at::Tensor& A, int64_t count) {
  if (A.stride(1) != 1) return {};
  const int64_t whole = std::max<int64_t>(A.size(0) / count, 1), step = whole + (whole + 1) % 2;
  return A.slice(0, step / 2, std::nullopt, step);
}

/// What a function gave. Only what can be a product is looked into; the rest is for `apply` to refuse.
at::Tensor checked_product(const at::Tensor& Y, const at::TensorOptions& options, const char* what) {
  if (!Y.defined() || Y.dtype() != options.dtype() || Y.device() != options.device() || Y.layout() != at::kStrided)
    return Y;
  check_finite(Y, what);
  return Y.detach();
}

}  // namespace

LinearOperator::LinearOperator(int64_t rows, int64_t cols, at::TensorOptions options)
    : rows_(rows), cols_(cols), options_(options.requires_grad(false)) {
  TORCH_CHECK_VALUE(rows >= 1 && cols >= 1, "a matrix needs at least one row and one column, got ", rows, " x ", cols);
}

double LinearOperator::eps() const { return machine_epsilon(options_.dtype().toScalarType()); }

at::Tensor LinearOperator::apply(const at::Tensor& V) const {
  check_block(V, cols_, options_, "the block given to A");
  auto Y = product(V);
  check_block(Y, rows_, options_, "the product A V");
  TORCH_CHECK_VALUE(Y.size(1) == V.size(1), "A V has ", Y.size(1), " columns; V has ", V.size(1));
  count_.forward += V.size(1);
  ++count_.reads;
  return Y;
}

at::Tensor LinearOperator::apply_adjoint(const at::Tensor& U) const {
  check_block(U, rows_, options_, "the block given to Aᵀ");
  auto Z = adjoint_product(U);
  check_block(Z, cols_, options_, "the product Aᵀ U");
  TORCH_CHECK_VALUE(Z.size(1) == U.size(1), "Aᵀ U has ", Z.size(1), " columns; U has ", U.size(1));
  count_.adjoint += U.size(1);
  ++count_.reads;
  return Z;
}

std::pair<at::Tensor, at::Tensor> LinearOperator::apply_gram(const at::Tensor& V) const {
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

DenseOperator::DenseOperator(const at::Tensor& A) : DenseOperator(Stored{stored(A)}) {}
DenseOperator::DenseOperator(Stored s)
    : LinearOperator(s.A.size(0), s.A.size(1),
                     s.A.options().dtype(s.A.scalar_type() == at::kDouble ? at::kDouble : at::kFloat)),
      A_(std::move(s.A)),
      squares_(s.squares),
      rounds_vectors_(s.rounds_vectors) {}

int64_t DenseOperator::gram_reads(int64_t columns) const { return kernels::gram_reads(A_, columns); }
int64_t DenseOperator::adjoint_gram_reads(int64_t columns) const { return kernels::gram_reads(A_.t(), columns); }
std::optional<double> DenseOperator::frobenius_squared() const {
  if (!squares_) squares_ = kernels::sum_of_squares(A_);
  return squares_;
}

at::Tensor DenseOperator::some_rows(int64_t count) const { return spread_rows(A_, count); }
at::Tensor DenseOperator::some_columns(int64_t count) const { return spread_rows(A_.t(), count); }

bool DenseOperator::has_narrower_form(NarrowFormat format) const {
  if (A_.scalar_type() == at::kDouble) return format == NarrowFormat::half_size;
  return A_.scalar_type() == at::kFloat && kernels::takes_skinny(A_);
}

std::optional<Narrowed> DenseOperator::narrowed(NarrowFormat format) const {
  const auto found = narrow_.find(format);
  return found != narrow_.end() ? found->second : narrow_.emplace(format, made_narrow(format)).first->second;
}

std::optional<Narrowed> DenseOperator::made_narrow(NarrowFormat format) const {
  if (!has_narrower_form(format)) return std::nullopt;
  if (A_.scalar_type() == at::kDouble) {
    const double norm = std::sqrt(*frobenius_squared());
    if (!(norm > 1e-200 && norm < 1e200)) return std::nullopt;
    const double scale = std::ldexp(1.0, -std::ilogb(norm));
    const auto narrow = (A_ * scale).to(at::kFloat);
    // Relative rounding, and what falls below float32's smallest number.
    const double lost = 0x1p-149 * std::sqrt(static_cast<double>(A_.numel())) / scale;
    return Narrowed{std::make_shared<DenseOperator>(narrow), scale, std::ldexp(norm, -24) + lost};
  }
  const bool rounds_vectors = format == NarrowFormat::bfloat16;
  const auto copy = format == NarrowFormat::int8 ? kernels::byte_copy(A_)
                                                 : kernels::half_copy(A_, rounds_vectors ? at::kBFloat16 : at::kHalf);
  if (!copy) return std::nullopt;
  if (!squares_) squares_ = copy->full_squares;
  std::shared_ptr<const LinearOperator> stored(new DenseOperator(Stored{copy->narrow, copy->squares, rounds_vectors}));
  return Narrowed{std::move(stored), copy->scale, copy->error};
}

at::Tensor DenseOperator::product_of(const at::Tensor& A, const at::Tensor& X) const {
  if (squares_ || !kernels::takes_product(A, X) || !kernels::finds_squares(A)) return kernels::product(A, X);
  double squares = 0;
  auto Y = kernels::skinny_product(A, X, &squares);
  squares_ = squares;
  return Y;
}
at::Tensor DenseOperator::product(const at::Tensor& V) const { return product_of(A_, V); }
at::Tensor DenseOperator::adjoint_product(const at::Tensor& U) const { return product_of(A_.t(), U); }
std::pair<at::Tensor, at::Tensor> DenseOperator::gram_of(const at::Tensor& A, const at::Tensor& X) const {
  if (rounds_vectors_ && kernels::takes_pairs(A, X.size(1))) return kernels::pair_gram(A, X);
  if (squares_) return kernels::skinny_gram(A, X);
  double squares = 0;
  auto both = kernels::skinny_gram(A, X, &squares);
  squares_ = squares;
  return both;
}
std::pair<at::Tensor, at::Tensor> DenseOperator::gram_product(const at::Tensor& V) const { return gram_of(A_, V); }
std::pair<at::Tensor, at::Tensor> DenseOperator::adjoint_gram_product(const at::Tensor& U) const {
  return gram_of(A_.t(), U);
}

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
