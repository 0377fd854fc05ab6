#include "fanion/linalg/linear_operator.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros_like.h>

#include <limits>

#include "certificates.h"
#include "fanion/linalg/composed_operators.h"
#include "linalg/svd_certificates.h"
#include "zoo.h"

namespace fanion::linalg {
namespace {

using namespace fanion::testing;

// A dot product of n terms has a relative error below n·eps; 100 > 70 columns leaves room for cancellation.
double product_tolerance(const at::Tensor& A) { return 100 * working_eps(A.scalar_type()); }

TEST(LinearOperator, DenseProductsAreThoseOfTheMatrix) {
  for (const auto& [name, A] : whole_zoo()) {
    SCOPED_TRACE(name);
    const DenseOperator op(A);
    const auto V = random_normal(A.size(1), 3, 1).to(op.options()), U = random_normal(A.size(0), 2, 2).to(op.options());
    const auto exact = A.to(at::kDouble);
    EXPECT_LE(relative_error(op.apply(V), at::matmul(exact, V.to(at::kDouble))), product_tolerance(A));
    EXPECT_LE(relative_error(op.apply_adjoint(U), at::matmul(exact.t(), U.to(at::kDouble))), product_tolerance(A));
    EXPECT_EQ(op.options().dtype(), A.scalar_type() == at::kDouble ? at::kDouble : at::kFloat);
  }
}

TEST(LinearOperator, AdjointIsAdjoint) {
  for (const auto& [name, A] : whole_zoo()) {
    SCOPED_TRACE(name);
    const DenseOperator op(A);
    const AdjointOperator transposed(op);
    const auto v = random_normal(A.size(1), 1, 3).to(op.options()), u = random_normal(A.size(0), 1, 4).to(op.options());
    EXPECT_EQ(transposed.rows(), A.size(1));
    EXPECT_EQ(transposed.cols(), A.size(0));
    // ⟨u, A v⟩ = ⟨Aᵀu, v⟩ up to the rounding of two products, relative to ‖u‖‖A‖‖v‖.
    const double size = frobenius_norm(u) * frobenius_norm(A) * frobenius_norm(v);
    EXPECT_LE(std::abs(frobenius_inner(u, op.apply(v)) - frobenius_inner(op.apply_adjoint(u), v)),
              product_tolerance(A) * size);
    EXPECT_TRUE(same_bits(transposed.apply(u), op.apply_adjoint(u)));
    EXPECT_TRUE(same_bits(transposed.apply_adjoint(v), op.apply(v)));
    EXPECT_TRUE(same_bits(transposed.to_dense(), op.to_dense().t()));
  }
}

TEST(LinearOperator, FunctionOperatorFormsItsMatrixFromTheSmallerSide) {
  for (const auto& shape : {std::pair{4, 7}, std::pair{7, 4}}) {
    const auto A = random_normal(shape.first, shape.second, 5);
    const FunctionOperator op(
        A.size(0), A.size(1), A.options(), [&](const at::Tensor& V) { return at::matmul(A, V); },
        [&](const at::Tensor& U) { return at::matmul(A.t(), U); });
    EXPECT_LE(relative_error(op.to_dense(), A), product_tolerance(A));
    EXPECT_EQ(op.count().forward + op.count().adjoint, 4);
    EXPECT_EQ(op.count().reads, 1);
  }
}

TEST(LinearOperator, CountsColumnsAndCalls) {
  const DenseOperator op(random_normal(6, 5, 6));
  const AdjointOperator transposed(op);
  op.apply(random_normal(5, 3, 7));
  op.apply_adjoint(random_normal(6, 2, 8));
  transposed.apply(random_normal(6, 4, 9));
  EXPECT_EQ(op.count().forward, 3);
  EXPECT_EQ(op.count().adjoint, 6);
  EXPECT_EQ(op.count().reads, 3);
  EXPECT_EQ(transposed.count().forward, 4);
  EXPECT_EQ(transposed.count().reads, 1);
}

/// A as stored by rows and by columns, from either side, and through an adjoint of it: one read where the kernels sweep
/// once, else two; the same count on the operator beneath.
TEST(LinearOperator, GramProductsAreThoseOfTheMatrix) {
  const auto A = random_normal(300, 40, 13).to(at::kFloat);
  const auto large = random_normal(200, 21000, 14).to(at::kFloat);  // 16.8 million bytes
  for (const auto& each : {A, A.t().contiguous().t(), large.t()}) {
    const DenseOperator op(each);
    const auto V = random_normal(op.cols(), 3, 15).to(op.options()),
               U = random_normal(op.rows(), 3, 16).to(op.options());
    const auto exact = each.to(at::kDouble);
    const AdjointOperator transposed(op), again(static_cast<const LinearOperator&>(transposed));
    for (const LinearOperator* same : std::vector<const LinearOperator*>{&op, &again}) {
      const auto [Y, Z] = same->apply_gram(V);
      EXPECT_LE(relative_error(Y, at::matmul(exact, V.to(at::kDouble))), product_tolerance(each));
      EXPECT_LE(relative_error(Z, at::matmul(exact.t(), Y.to(at::kDouble))), product_tolerance(each));
    }
    EXPECT_EQ(again.count().reads, std::max<int64_t>(1, 2 - op.gram_reads(3)));
    EXPECT_EQ(op.count().reads, 2 * again.count().reads);
    EXPECT_EQ(op.count().forward + op.count().adjoint, 12);
    EXPECT_EQ(transposed.gram_reads(3), op.adjoint_gram_reads(3));
    EXPECT_EQ(again.gram_reads(3), op.gram_reads(3));
    const auto [Z, Y] = transposed.apply_gram(U);
    EXPECT_LE(relative_error(Z, at::matmul(exact.t(), U.to(at::kDouble))), product_tolerance(each));
    EXPECT_LE(relative_error(Y, at::matmul(exact, Z.to(at::kDouble))), product_tolerance(each));
    EXPECT_EQ(transposed.count().forward, 6);
    EXPECT_EQ(op.count().adjoint, 9);
  }
  EXPECT_EQ(DenseOperator(A).gram_reads(3), 1);
  EXPECT_EQ(DenseOperator(A.t()).adjoint_gram_reads(3), 1);
  EXPECT_EQ(DenseOperator(A.t()).gram_reads(3), 0) << "small, stored by columns";
  EXPECT_EQ(DenseOperator(large.t()).gram_reads(3), 1);
  EXPECT_EQ(DenseOperator(large).adjoint_gram_reads(3), 1);
  EXPECT_VALUE_ERROR(DenseOperator(large).apply_adjoint_gram(random_normal(300, 3, 17)), "expected (200, b)");
}

TEST(LinearOperator, RefusesWrongBlocks) {
  const DenseOperator op(random_normal(6, 5, 10));
  EXPECT_VALUE_ERROR(op.apply(random_normal(6, 1, 1)), "expected (5, b)");
  EXPECT_VALUE_ERROR(op.apply(at::ones({5}, at::kDouble)), "expected (5, b)");
  EXPECT_VALUE_ERROR(op.apply_adjoint(random_normal(5, 1, 1)), "expected (6, b)");
  EXPECT_VALUE_ERROR(op.apply(at::ones({5, 1}, at::kFloat)), "expected double");
  EXPECT_VALUE_ERROR(op.apply(at::Tensor()), "undefined");
  EXPECT_EQ(op.count().reads, 0) << "a refused block was counted";
}

TEST(LinearOperator, RefusesWrongProducts) {
  const auto options = at::TensorOptions(at::kDouble);
  const auto good = [](const at::Tensor& U) { return at::ones({5, U.size(1)}, at::kDouble); };
  const FunctionOperator wrong_rows(6, 5, options, good, good);
  EXPECT_VALUE_ERROR(wrong_rows.apply(random_normal(5, 2, 1)), "the product A V has shape [5, 2]");
  const FunctionOperator wrong_columns(
      6, 5, options, [](const at::Tensor&) { return at::ones({6, 1}, at::kDouble); }, good);
  EXPECT_VALUE_ERROR(wrong_columns.apply(random_normal(5, 2, 1)), "columns");
  const FunctionOperator wrong_dtype(
      6, 5, options, [](const at::Tensor& V) { return at::ones({6, V.size(1)}, at::kFloat); }, good);
  EXPECT_VALUE_ERROR(wrong_dtype.apply(random_normal(5, 2, 1)), "expected double");
  EXPECT_VALUE_ERROR(FunctionOperator(6, 5, options, good, nullptr), "both products");
}

TEST(LinearOperator, FunctionProductsWithNanAreNamed) {
  const auto A = random_normal(6, 5, 11);
  const auto spoiled = [](at::Tensor X, double value) {
    X.slice(0, 0, 3).select(1, 0).fill_(value);
    return X;
  };
  const FunctionOperator op(
      6, 5, A.options(),
      [&](const at::Tensor& V) { return spoiled(at::matmul(A, V), std::numeric_limits<double>::quiet_NaN()); },
      [&](const at::Tensor& U) { return spoiled(at::matmul(A.t(), U), -std::numeric_limits<double>::infinity()); });
  EXPECT_VALUE_ERROR(op.apply(random_normal(5, 2, 1)), "the product A V has 3 NaN or infinite entries out of 12");
  EXPECT_VALUE_ERROR(op.apply_adjoint(random_normal(6, 2, 1)), "the product Aᵀ U has 3 NaN or infinite entries");
  EXPECT_EQ(op.count().reads, 0) << "a refused product was counted";
}

/// A matrix by functions that return what they were given, a view of it, an expanded tensor, or one that they keep.
struct Borrowed {
  std::string name;
  at::Tensor A;
  FunctionOperator::Product apply, apply_adjoint;
};

std::vector<Borrowed> borrowing_operators(at::ScalarType dtype) {
  const int64_t n = 30;
  const auto I = at::eye(n, dtype), half = I.narrow(0, 0, n / 2);
  const auto row = random_normal(1, n, 71).to(dtype);
  const auto kept = random_normal(n, n - 4, 72).to(dtype);
  const auto given = [](const at::Tensor& X) { return X; };
  const auto copied = [](const at::Tensor& X) { return X.clone(); };
  const auto buffer = [](const at::Tensor& A) {  // one tensor for all products of a width
    return [A, last = std::make_shared<at::Tensor>()](const at::Tensor& X) {
      const auto Y = at::matmul(A, X);
      if (!last->defined() || last->sizes() != Y.sizes()) *last = at::zeros_like(Y);
      return last->copy_(Y);
    };
  };
  return {{"identity", I, given, given},
          {"identity to one side", I, copied, given},
          {"some rows", half, [=](const at::Tensor& X) { return X.narrow(0, 0, n / 2); },
           [=](const at::Tensor& X) { return at::cat({X, at::zeros_like(X)}); }},
          {"equal rows", row.expand({n, n}), [=](const at::Tensor& X) { return at::matmul(row, X).expand({n, -1}); },
           [=](const at::Tensor& X) { return at::matmul(row.t(), X.sum(0, /*keepdim=*/true)); }},
          {"buffers", kept, buffer(kept), buffer(kept.t())}};
}

/// What a function returns is read, and never written to.
TEST(LinearOperator, FunctionsMayReturnWhatIsNotTheSolvers) {
  for (const auto dtype : {at::kFloat, at::kDouble})
    for (const auto& each : borrowing_operators(dtype)) {
      const Judged A(each.A.contiguous());
      const auto op = std::make_shared<FunctionOperator>(each.A.size(0), each.A.size(1), A.A.options(), each.apply,
                                                         each.apply_adjoint);
      for (const auto method : every_method())
        for (const auto criterion : {SvdCriterion::residual, SvdCriterion::lmo_gap, SvdCriterion::passes}) {
          SCOPED_TRACE(c10::str(each.name, ", ", dtype, ", ", name_of(method), ", ", name_of(criterion)));
          const auto svd = topk_svd(*op, 2, {.method = method, .criterion = criterion, .tol = 1e-3, .passes = 12});
          for (const auto& what : broken_promises(A, svd, 1e-3)) ADD_FAILURE() << what;
          const auto twice = topk_svd(*adjoint_of(op), 2, {.method = method, .criterion = criterion, .passes = 12});
          for (const auto& what : broken_promises(Judged(A.A.t().contiguous()), twice, 1e-2)) ADD_FAILURE() << what;
        }
      const auto V = random_normal(op->cols(), 3, 73).to(dtype), before = V.clone();
      const auto Y = op->apply(V), product = Y.clone();
      op->apply(V * 2);
      EXPECT_TRUE(same_bits(Y, product)) << each.name << ": a later product has changed an earlier one";
      Y.zero_();
      EXPECT_TRUE(same_bits(V, before)) << each.name;
    }
}

TEST(LinearOperator, FunctionProductsAreDetached) {
  const auto A = random_normal(6, 5, 12).requires_grad_();
  const FunctionOperator op(
      6, 5, A.options(), [&](const at::Tensor& V) { return at::matmul(A, V); },
      [&](const at::Tensor& U) { return at::matmul(A.t(), U); });
  EXPECT_FALSE(op.options().requires_grad());
  EXPECT_FALSE(op.apply(random_normal(5, 2, 1)).requires_grad());
  EXPECT_FALSE(op.apply_adjoint(random_normal(6, 2, 1)).requires_grad());
}

TEST(LinearOperator, RefusesOtherDtypesAndLayoutsOfFunctions) {
  const auto good = [](const at::Tensor& X) { return X; };
  EXPECT_VALUE_ERROR(FunctionOperator(5, 5, at::kBFloat16, good, good), "float32 or float64, got BFloat16");
  const auto sparse = [](const at::Tensor& X) { return X.to_sparse(); };
  const FunctionOperator op(5, 5, at::kDouble, sparse, good);
  EXPECT_VALUE_ERROR(op.apply(random_normal(5, 2, 1)), "the product A V has layout Sparse; expected Strided");
  const auto nothing = [](const at::Tensor&) { return at::Tensor(); };
  EXPECT_VALUE_ERROR(FunctionOperator(5, 5, at::kDouble, nothing, good).apply(random_normal(5, 2, 1)),
                     "the product A V is an undefined tensor");
}

TEST(LinearOperator, RefusesWhatIsNoMatrix) {
  EXPECT_VALUE_ERROR(DenseOperator(at::ones({3}, at::kDouble)), "2 dimensions");
  EXPECT_VALUE_ERROR(DenseOperator(at::ones({2, 3, 4}, at::kDouble)), "2 dimensions");
  EXPECT_VALUE_ERROR(DenseOperator(at::ones({3, 3}, at::kLong)), "float32, float64, bfloat16");
  EXPECT_VALUE_ERROR(DenseOperator(at::empty({0, 3}, at::kDouble)), "at least one row");
  EXPECT_VALUE_ERROR(DenseOperator(at::Tensor()), "2 dimensions");
}

}  // namespace
}  // namespace fanion::linalg
