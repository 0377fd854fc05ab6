#include "fanion/linalg/composed_operators.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>

#include <limits>

#include "certificates.h"
#include "fanion/linalg/topk_svd.h"
#include "linalg/operator_certificates.h"
#include "linalg/svd_certificates.h"
#include "zoo.h"

namespace fanion::linalg {
namespace {

using namespace fanion::testing;

OperatorPtr dense(const at::Tensor& A) { return std::make_shared<DenseOperator>(A); }

OperatorPtr by_functions(const at::Tensor& A) {
  return std::make_shared<FunctionOperator>(
      A.size(0), A.size(1), A.options(), [A](const at::Tensor& V) { return at::matmul(A, V); },
      [A](const at::Tensor& U) { return at::matmul(A.t(), U); });
}

/// A zoo matrix as the operator sees it, and others of its dtype and scale to compose it with.
struct Parts {
  explicit Parts(const at::Tensor& given) : A(given.scalar_type() == at::kDouble ? given : given.to(at::kFloat)) {
    const double largest = largest_entry(A);
    scale = largest > 0 ? largest : 1;
  }
  at::Tensor random(int64_t m, int64_t n, uint64_t seed) const { return random_normal(m, n, seed).to(A.options()); }
  at::Tensor like_A(int64_t m, uint64_t seed) const { return random(m, A.size(1), seed) * scale; }
  at::Tensor A;
  double scale;
};
at::Tensor exact(const at::Tensor& A) { return A.to(at::kDouble); }

TEST(ComposedOperators, SumIsTheWeightedSum) {
  for (const auto& [name, given] : whole_zoo()) {
    SCOPED_TRACE(name);
    const Parts p(given);
    const auto B = p.like_A(p.A.size(0), 41);
    const SumOperator sum({dense(given), by_functions(B)}, {2, -0.5});
    const auto formed = 2 * exact(p.A) - 0.5 * exact(B);
    expect_is_matrix(sum, formed, 2 * frobenius_norm(p.A) + frobenius_norm(B));
    expect_same_triplets(sum, formed);
  }
}

TEST(ComposedOperators, ProductIsTheProduct) {
  for (const auto& [name, given] : whole_zoo()) {
    SCOPED_TRACE(name);
    const Parts p(given);
    // With 2 rows the product is wide, so that both ways of forming it are taken.
    for (const int64_t rows : {int64_t{2}, p.A.size(0) + 40}) {
      const auto Q = p.random(rows, p.A.size(0), 42);
      const ProductOperator product(dense(Q), by_functions(p.A));
      const auto formed = at::matmul(exact(Q), exact(p.A));
      const double size = frobenius_norm(Q) * frobenius_norm(p.A);
      expect_is_matrix(product, formed, size);
      expect_same_triplets(product, formed, size);
    }
  }
}

TEST(ComposedOperators, LowRankCorrection) {
  for (const auto& [name, given] : whole_zoo()) {
    SCOPED_TRACE(name);
    const Parts p(given);
    const auto U = p.random(p.A.size(0), 2, 43), V = p.random(p.A.size(1), 2, 44);
    const auto s = at::tensor({p.scale, -2 * p.scale}, p.A.options());
    const auto low_rank = std::make_shared<LowRankOperator>(U, s, V);
    const auto formed = at::matmul(exact(U) * exact(s), exact(V).t());
    const double size = 3 * p.scale * frobenius_norm(U) * frobenius_norm(V);
    expect_is_matrix(*low_rank, formed, size);
    const SumOperator corrected({dense(given), low_rank});
    expect_is_matrix(corrected, exact(p.A) + formed, frobenius_norm(p.A) + size);
    expect_same_triplets(corrected, exact(p.A) + formed, frobenius_norm(p.A) + size);
  }
}

TEST(ComposedOperators, DeflationLeavesTheNextSingularValues) {
  for (const auto& [name, given] : whole_zoo()) {
    SCOPED_TRACE(name);
    const auto top = topk_svd(given, 1, {.method = SvdMethod::dense});
    const SumOperator deflated({dense(given), std::make_shared<LowRankOperator>(top.U, top.S, top.V)}, {1, -1});
    const auto sigma = exact_singular_values(given);
    if (sigma.size() < 2) continue;
    const bool wide = given.scalar_type() == at::kDouble;
    const auto next = topk_svd(
        deflated, 1, {.method = SvdMethod::lanczos, .criterion = SvdCriterion::residual, .tol = wide ? 1e-10 : 1e-5});
    EXPECT_NEAR(next.S[0].item<double>(), sigma[1], (wide ? 1e-9 : 2e-5) * sigma[0]);
  }
}

TEST(ComposedOperators, RowBlocksStandBelowEachOther) {
  for (const auto& [name, given] : whole_zoo()) {
    SCOPED_TRACE(name);
    const Parts p(given);
    const auto B = p.like_A(3, 45), C = p.like_A(1, 46);
    const RowBlocksOperator stacked({by_functions(B), dense(given), dense(C)});
    const auto formed = at::cat({exact(B), exact(p.A), exact(C)});
    expect_is_matrix(stacked, formed);
    expect_same_triplets(stacked, formed);
  }
}

TEST(ComposedOperators, TreeOutlivesItsMaker) {
  const auto A = random_normal(9, 6, 47), B = random_normal(9, 6, 48);
  OperatorPtr tree;
  {
    const auto sum = std::make_shared<SumOperator>(std::vector{dense(A), by_functions(B)});
    tree = std::make_shared<ProductOperator>(adjoint_of(sum), std::make_shared<RowBlocksOperator>(std::vector{
                                                                  dense(A.narrow(0, 0, 4)), dense(A.narrow(0, 4, 5))}));
  }
  const auto formed = at::matmul((A + B).t(), A);
  expect_is_matrix(*tree, formed, frobenius_norm(A + B) * frobenius_norm(A));
  expect_same_triplets(*tree, formed);
}

TEST(ComposedOperators, EachCountsItsOwnProducts) {
  const auto A = dense(random_normal(6, 5, 49)), B = dense(random_normal(6, 5, 50));
  const SumOperator sum({A, B, A});
  sum.apply(random_normal(5, 3, 51));
  sum.apply_adjoint(random_normal(6, 2, 52));
  EXPECT_EQ(sum.count().forward, 3);
  EXPECT_EQ(sum.count().adjoint, 2);
  EXPECT_EQ(A->count().forward, 6) << "A is in the sum twice";
  EXPECT_EQ(B->count().forward, 3);
  EXPECT_EQ(B->count().adjoint, 2);
}

TEST(ComposedOperators, FormingUsesFormedParts) {
  const auto A = dense(random_normal(6, 5, 53)), B = dense(random_normal(5, 4, 54));
  SumOperator({A, A}).to_dense();
  RowBlocksOperator({A, A}).to_dense();
  EXPECT_EQ(A->count().forward + A->count().adjoint, 0) << "a held matrix was multiplied by the identity";
  ProductOperator(A, B).to_dense();
  EXPECT_EQ(A->count().forward, 4);
  EXPECT_EQ(B->count().forward + B->count().adjoint, 0);
}

TEST(ComposedOperators, APartThatReturnsItsArgumentIsNotWrittenTo) {
  const auto identity = [](const at::Tensor& X) { return X; };
  const auto I = std::make_shared<FunctionOperator>(4, 4, at::kDouble, identity, identity);
  const auto X = random_normal(4, 2, 55), copy = X.clone();
  const auto twice = SumOperator({I, I}).apply(X);
  EXPECT_TRUE(same_bits(X, copy));
  EXPECT_TRUE(same_bits(twice, 2 * copy));
  RowBlocksOperator({I, I}).apply_adjoint(at::cat({X, X}));
  EXPECT_TRUE(same_bits(X, copy));
}

/// X − 1μᵀ with means far above the spread: what rounding of the parts has eaten is not claimed.
TEST(ComposedOperators, CancellationIsInTheBounds) {
  const int64_t m = 120, n = 80;
  for (const double mean : {1.0, 1e3, 1e5, 1e7})
    for (const auto dtype : {at::kFloat, at::kDouble}) {
      const auto mu = mean * (1 + random_normal(1, n, 81).abs()).to(dtype);
      const auto X = (random_normal(m, n, 82) + exact(mu)).to(dtype), ones = at::ones({m, 1}, X.options());
      const auto centre = std::make_shared<LowRankOperator>(ones, at::ones({1}, X.options()), mu.t());
      const Judged A(exact(X) - exact(mu));
      const double size = frobenius_norm(X);
      for (const auto& part : {dense(X), by_functions(X)})
        for (const auto method :
             {SvdMethod::dense, SvdMethod::lanczos, SvdMethod::block_krylov, SvdMethod::subspace, SvdMethod::power})
          for (const auto criterion : {SvdCriterion::residual, SvdCriterion::rank_k, SvdCriterion::lmo_gap}) {
            SCOPED_TRACE(c10::str(mean, ", ", dtype, ", ", name_of(method), ", ", name_of(criterion)));
            const SumOperator op({part, centre}, {1, -1});
            EXPECT_LE(op.rounding_scale(), 3 * size);
            EXPECT_GE(op.rounding_scale(), A.sigma[0] * A.scale / 3);
            const auto svd = topk_svd(op, 3, {.method = method, .criterion = criterion, .tol = 0.02, .passes = 40});
            if (svd.report.status == SvdStatus::converged) {
              EXPECT_LE(A.rank_k_error(svd), criterion == SvdCriterion::rank_k ? 0.02 : 2);
              EXPECT_LE(A.residual(svd), criterion == SvdCriterion::residual ? 0.02 : 2);
              EXPECT_LE(A.lmo_gap(svd), 0.02);
            }
            const auto residuals = A.residuals(svd);
            for (int64_t i = 0; i < 3; ++i)
              EXPECT_LE(residuals[i] * A.scale, svd.report.residuals[i].item<double>() * 1.001);
            EXPECT_LE(A.rank_k_error(svd), svd.report.bounds.rank_k);
            // Rounding of the parts is 1e-7·√(mn)·mean beside values of 20.
            // Residuals alone can be measured all the same, where the parts are at hand.
            const bool hopeless = dtype == at::kFloat && mean >= 1e7 && criterion != SvdCriterion::residual,
                       easy = dtype == at::kDouble || mean < 10;
            const auto expected = hopeless ? SvdStatus::exhausted : SvdStatus::converged;
            if (hopeless || (easy && method == SvdMethod::block_krylov)) {
              EXPECT_EQ(svd.report.status, expected) << svd.report.message;
            }
          }
    }
}

/// The bounds of a deflated matrix, which is smaller but not lost, are no worse for that.
TEST(ComposedOperators, DeflationIsCertified) {
  const auto A = with_spectrum(90, 70, geometric(70, 0.8), 83).to(at::kFloat);
  const auto top = topk_svd(A, 4, {.method = SvdMethod::dense});
  const SumOperator deflated({dense(A), std::make_shared<LowRankOperator>(top.U, top.S, top.V)}, {1, -1});
  for (const auto criterion : {SvdCriterion::residual, SvdCriterion::rank_k, SvdCriterion::lmo_gap}) {
    const auto svd = topk_svd(deflated, 3, {.method = SvdMethod::block_krylov, .criterion = criterion, .tol = 1e-4});
    EXPECT_EQ(svd.report.status, SvdStatus::converged) << svd.report.message;
    EXPECT_NEAR(svd.S[0].item<double>(), std::pow(0.8, 4), 1e-5);
  }
}

TEST(ComposedOperators, RefuseWhatDoesNotFit) {
  const auto A = dense(random_normal(6, 5, 56)), t = dense(random_normal(5, 6, 57));
  const auto single = dense(random_normal(6, 5, 58).to(at::kFloat));
  EXPECT_VALUE_ERROR(SumOperator({A, t}), "term 1 of a sum is 5 x 6 double on cpu; term 0 is 6 x 5 double on cpu");
  EXPECT_VALUE_ERROR(SumOperator({A, single}), "term 1 of a sum is 6 x 5 float on cpu; term 0 is 6 x 5 double");
  EXPECT_VALUE_ERROR(SumOperator({A, A}, {1}), "a sum of 2 operators was given 1 weights");
  EXPECT_VALUE_ERROR(SumOperator({A}, {std::numeric_limits<double>::infinity()}), "weight 0 of a sum is inf");
  EXPECT_VALUE_ERROR(SumOperator({}), "a sum needs at least one operator");
  EXPECT_VALUE_ERROR(SumOperator({A, nullptr}), "null operator");
  EXPECT_VALUE_ERROR(ProductOperator(A, A), "A is 6 x 5 double on cpu, B is 6 x 5 double on cpu");
  EXPECT_VALUE_ERROR(ProductOperator(adjoint_of(single), A), "A is 5 x 6 float on cpu, B is 6 x 5 double on cpu");
  EXPECT_VALUE_ERROR(ProductOperator(nullptr, A), "null operator");
  EXPECT_VALUE_ERROR(RowBlocksOperator({A, t}), "row block 1 is 5 x 6 double on cpu; row block 0 is 6 x 5 double");
  EXPECT_VALUE_ERROR(RowBlocksOperator({}), "a row-block operator needs at least one operator");
  EXPECT_VALUE_ERROR(adjoint_of(nullptr), "null operator");
}

TEST(ComposedOperators, LowRankRefusesWrongFactors) {
  const auto U = random_normal(6, 2, 59), V = random_normal(5, 2, 60), s = at::ones({2}, at::kDouble);
  EXPECT_VALUE_ERROR(LowRankOperator(U, s, random_normal(5, 3, 60)), "shapes [6, 2], [2] and [5, 3]");
  EXPECT_VALUE_ERROR(LowRankOperator(U, U, V), "shapes [6, 2], [6, 2] and [5, 2]");
  EXPECT_VALUE_ERROR(LowRankOperator(U, s.to(at::kFloat), V), "they are double on cpu, float on cpu and double on cpu");
  EXPECT_VALUE_ERROR(LowRankOperator(at::Tensor(), s, V), "U of U diag(s) Vᵀ needs 2 dimensions, got 0");
  EXPECT_VALUE_ERROR(LowRankOperator(U, s, at::ones({5}, at::kDouble)), "V of U diag(s) Vᵀ needs 2 dimensions, got 1");
  EXPECT_VALUE_ERROR(LowRankOperator(U.to(at::kHalf), s, V), "must be float32 or float64, got Half");
  EXPECT_VALUE_ERROR(LowRankOperator(U, s * std::numeric_limits<double>::quiet_NaN(), V),
                     "s of U diag(s) Vᵀ has 2 NaN or infinite entries out of 2");
}

}  // namespace
}  // namespace fanion::linalg
