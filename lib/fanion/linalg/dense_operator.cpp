#include <ATen/TensorOperators.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>

#include "fanion/kernels/narrow_copy.h"
#include "fanion/kernels/pair_gram.h"
#include "fanion/kernels/skinny_gram.h"
#include "fanion/kernels/skinny_product.h"
#include "fanion/kernels/sum_of_squares.h"
#include "fanion/linalg/linear_operator.h"

namespace fanion::linalg {
namespace {

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

/// A X in float64, A a piece at a time along its larger stride, so that no whole copy is made.
at::Tensor wide_product(const at::Tensor& A, const at::Tensor& X) {
  const auto W = X.to(at::kDouble);
  if (A.scalar_type() == at::kDouble) return at::matmul(A, W);
  constexpr int64_t kPiece = 524288;  // elements
  const int64_t by = A.stride(0) >= A.stride(1) ? 0 : 1, count = A.size(by);
  const int64_t most = std::max<int64_t>(kPiece / A.size(1 - by), 1);
  auto Y = at::zeros({A.size(0), X.size(1)}, W.options());
  for (int64_t first = 0; first < count; first += most) {
    const int64_t some = std::min(most, count - first);
    const auto piece = A.narrow(by, first, some).to(at::kDouble);
    if (by == 0)
      Y.narrow(0, first, some).copy_(at::matmul(piece, W));
    else
      Y.addmm_(piece, W.narrow(0, first, some));
  }
  return Y;
}

}  // namespace

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

/// Sums of float32 squares count where rounding alone is lost: not where squares leave the range.
void DenseOperator::keep_squares(double squares) const {
  const double mean = squares / static_cast<double>(A_.numel());
  if (mean > 1e-28 && mean < 1e28) squares_ = squares;
}

at::Tensor DenseOperator::product_of(const at::Tensor& A, const at::Tensor& X) const {
  if (squares_ || !kernels::takes_product(A, X) || !kernels::finds_squares(A)) return kernels::product(A, X);
  double squares = 0;
  auto Y = kernels::skinny_product(A, X, &squares);
  keep_squares(squares);
  return Y;
}
at::Tensor DenseOperator::product(const at::Tensor& V) const { return product_of(A_, V); }
at::Tensor DenseOperator::adjoint_product(const at::Tensor& U) const { return product_of(A_.t(), U); }
at::Tensor DenseOperator::product_in_double(const at::Tensor& V) const { return wide_product(A_, V); }
at::Tensor DenseOperator::adjoint_product_in_double(const at::Tensor& U) const { return wide_product(A_.t(), U); }
std::pair<at::Tensor, at::Tensor> DenseOperator::gram_of(const at::Tensor& A, const at::Tensor& X) const {
  if (rounds_vectors_ && kernels::takes_pairs(A, X.size(1))) return kernels::pair_gram(A, X);
  if (squares_) return kernels::skinny_gram(A, X);
  double squares = 0;
  auto both = kernels::skinny_gram(A, X, &squares);
  keep_squares(squares);
  return both;
}
std::pair<at::Tensor, at::Tensor> DenseOperator::gram_product(const at::Tensor& V) const { return gram_of(A_, V); }
std::pair<at::Tensor, at::Tensor> DenseOperator::adjoint_gram_product(const at::Tensor& U) const {
  return gram_of(A_.t(), U);
}

}  // namespace fanion::linalg
