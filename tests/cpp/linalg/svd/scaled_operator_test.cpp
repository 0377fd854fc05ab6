#include "fanion/linalg/svd/scaled_operator.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/stack.h>

#include "certificates.h"
#include "fanion/linalg/batched_svd.h"
#include "fanion/linalg/composed_operators.h"
#include "fanion/linalg/sparse_operator.h"
#include "fanion/linalg/svd_method_traits.h"
#include "fanion/power_of_two.h"
#include "linalg/svd_certificates.h"
#include "zoo.h"

namespace fanion::linalg {
namespace {

using namespace fanion::testing;

std::vector<double> scales(at::ScalarType dtype) {
  if (dtype == at::kDouble) return {1e-300, 1e-170, 1e-80, 1e-20, 1, 1e80, 1e160, 1e290};
  return {1e-33, 1e-28, 3e-22, 1e-20, 1e-12, 1, 1e14, 1e22, 1e30, 1e34};
}

/// Every method under the criteria that make claims, of a matrix and of the ways in which an operator may have it.
void expect_kept_at_every_door(const at::Tensor& matrix) {
  const Judged A(matrix);
  const int64_t m = matrix.size(0), n = matrix.size(1);
  const FunctionOperator functions(
      m, n, matrix.options(), [&](const at::Tensor& V) { return at::matmul(matrix, V); },
      [&](const at::Tensor& U) { return at::matmul(matrix.t(), U); });
  const DenseOperator dense(matrix);
  const SparseOperator sparse(matrix.to_sparse());
  const ProductOperator product(std::make_shared<DenseOperator>(matrix),
                                std::make_shared<DenseOperator>(at::eye(n, matrix.options())));
  for (const auto& row : svd_methods())
    for (const auto criterion : {SvdCriterion::lmo_gap, SvdCriterion::residual, SvdCriterion::passes}) {
      const SvdOptions options{.method = row.method, .criterion = criterion, .tol = 0.05, .passes = 8};
      const auto judge = [&](const char* how, const SvdResult& svd) {
        for (const auto& what : broken_promises(A, svd, 0.05))
          ADD_FAILURE() << what << "; " << how << ", " << row.name << ", " << name_of(criterion) << "; "
                        << svd.report.message;
        EXPECT_LE(A.lmo_gap(svd), 0.3) << how << ", " << row.name << ": eight passes find most of it";
      };
      judge("tensor", topk_svd(matrix, 3, options));
      judge("dense operator", topk_svd(dense, 3, options));
      judge("functions", topk_svd(functions, 3, options));
      judge("sparse", topk_svd(sparse, 3, options));
      judge("product", topk_svd(product, 3, options));
      judge("adjoint", [&] {
        const auto A_t = matrix.t().contiguous();
        auto svd = topk_svd(AdjointOperator(DenseOperator(A_t)), 3, options);
        return svd;
      }());
    }
}

TEST(ScaledOperator, PromisesHoldAtEveryScale) {
  for (const auto dtype : {at::kFloat, at::kDouble})
    for (const double scale : scales(dtype)) {
      SCOPED_TRACE(c10::str(dtype, " ", scale));
      expect_kept_at_every_door((with_spectrum(60, 40, geometric(40, 0.85), 91) * scale).to(dtype));
    }
}

/// Large enough for the kernels that find the norm in passing, and column-major too.
TEST(ScaledOperator, NormsFoundInPassingAreRight) {
  const auto A = random_normal(600, 400, 92);
  const double norm = frobenius_norm(A);
  for (const double scale : {1e-30, 7e-24, 1e-19, 1e-15, 1e-8, 1.0, 1e10, 1e17})
    for (const bool columns : {false, true})
      for (const bool gram : {false, true}) {
        const auto X = (A * scale).to(at::kFloat);
        const DenseOperator op(columns ? X.t().contiguous().t() : X);
        const auto V = random_normal(400, 4, 93).to(at::kFloat);
        gram ? op.apply_gram(V) : std::pair(op.apply(V), V);
        EXPECT_NEAR(std::sqrt(*op.frobenius_squared()) / (norm * scale), 1, 1e-5) << scale;
      }
}

TEST(ScaledOperator, AProductShowsTheScaleAndTheRestFollows) {
  for (const auto& [scale, moved] : {std::pair{1e-25, true}, {1e-3, false}, {1e20, true}}) {
    const auto A = (random_normal(30, 20, 94) * scale).to(at::kFloat);
    const DenseOperator op(A);
    const ScaledOperator scaled(op);
    const auto V = random_normal(20, 3, 95).to(at::kFloat), U = random_normal(30, 3, 96).to(at::kFloat);
    const auto [Y, Z] = scaled.apply_gram(V);
    EXPECT_EQ(scaled.exponent() != 0, moved);
    const auto exact = A.to(at::kDouble) * std::ldexp(1.0, -scaled.exponent());
    EXPECT_LE(relative_error(Y, at::matmul(exact, V.to(at::kDouble))), 1e-6);
    EXPECT_LE(relative_error(Z, at::matmul(exact.t(), at::matmul(exact, V.to(at::kDouble)))), 1e-6);
    EXPECT_LE(relative_error(scaled.apply_adjoint(U), at::matmul(exact.t(), U.to(at::kDouble))), 1e-6);
    EXPECT_LE(relative_error(scaled.to_dense(), exact), 1e-6);
    EXPECT_NEAR(std::sqrt(*scaled.frobenius_squared()) / frobenius_norm(exact), 1, 1e-5);
    EXPECT_LE(relative_error(scaled.apply_in_double(V), at::matmul(exact, V.to(at::kDouble))), 1e-14);
  }
}

/// A power of two changes no bit, but for the exponents.
TEST(ScaledOperator, PowersOfTwoChangeNoBits) {
  const auto A = random_normal(90, 50, 97).to(at::kFloat);
  for (const auto method : {SvdMethod::dense, SvdMethod::lanczos, SvdMethod::block_krylov, SvdMethod::subspace})
    for (const int exponent : {-90, 80}) {
      const SvdOptions options{.method = method, .criterion = SvdCriterion::lmo_gap, .passes = 30};
      const auto one = topk_svd(A, 3, options), other = topk_svd(times_power_of_two(A, exponent), 3, options);
      EXPECT_TRUE(same_bits(times_power_of_two(one.S, exponent), other.S)) << name_of(method) << " " << exponent;
      EXPECT_TRUE(same_bits(one.V, other.V)) << name_of(method) << " " << exponent;
    }
}

TEST(ScaledOperator, BatchesOfSeveralScales) {
  const auto one = random_normal(20, 12, 98);
  for (const auto& [dtype, small] : {std::pair{at::kFloat, 1e-30}, {at::kDouble, 1e-180}}) {
    const auto A = at::stack({one, one * small, one / small, one * 0}).to(dtype);
    const auto batch = topk_svd_batch(A, 2);
    for (int64_t i = 0; i < 4; ++i) {
      const SvdResult svd{batch.U[i], batch.S[i], batch.V[i], batch.reports[i]};
      for (const auto& what : broken_promises(Judged(A[i]), svd, 1e-2)) ADD_FAILURE() << what << "; matrix " << i;
    }
  }
}

}  // namespace
}  // namespace fanion::linalg
