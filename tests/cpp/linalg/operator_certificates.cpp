#include "linalg/operator_certificates.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/matmul.h>

#include <algorithm>

#include "certificates.h"
#include "fanion/linalg/topk_svd.h"
#include "zoo.h"

namespace fanion::testing {
namespace {

// A product of n ≤ 142 terms, of at most three factors, has a relative error below 3·n·eps, and in practice √n·eps.
double rounding(const linalg::LinearOperator& op) {
  return 100 * working_eps(c10::typeMetaToScalarType(op.options().dtype()));
}

/// Every second column of a block of 6: neither stride is 1.
at::Tensor strided_block(int64_t rows, uint64_t seed, const at::TensorOptions& options) {
  return random_normal(rows, 6, seed).to(options).slice(1, 0, std::nullopt, 2);
}

}  // namespace

void expect_is_matrix(const linalg::LinearOperator& op, const at::Tensor& A, double size) {
  ASSERT_EQ(op.rows(), A.size(0));
  ASSERT_EQ(op.cols(), A.size(1));
  if (size == 0) size = frobenius_norm(A);
  const double tol = rounding(op) * size;
  for (const auto& [V, U] :
       {std::pair{random_normal(A.size(1), 3, 61).to(op.options()), random_normal(A.size(0), 3, 62).to(op.options())},
        std::pair{strided_block(A.size(1), 63, op.options()), strided_block(A.size(0), 64, op.options())}}) {
    const auto Y = op.apply(V), Z = op.apply_adjoint(U);
    const auto V64 = V.to(at::kDouble), U64 = U.to(at::kDouble);
    EXPECT_LE(frobenius_norm(Y.to(at::kDouble) - at::matmul(A, V64)), tol * frobenius_norm(V));
    EXPECT_LE(frobenius_norm(Z.to(at::kDouble) - at::matmul(A.t(), U64)), tol * frobenius_norm(U));
    EXPECT_LE(std::abs(frobenius_inner(U, Y) - frobenius_inner(Z, V)), tol * frobenius_norm(U) * frobenius_norm(V));
  }
  EXPECT_LE(frobenius_norm(op.to_dense().to(at::kDouble) - A), tol);
}

void expect_same_triplets(const linalg::LinearOperator& op, const at::Tensor& A, double size) {
  const auto sigma = exact_singular_values(A);
  if (size == 0) size = sigma[0];
  const int64_t k = std::min<int64_t>(3, static_cast<int64_t>(sigma.size()));
  const double tol = op.options().dtype() == at::kDouble ? 1e-10 : 1e-5;
  const auto svd = linalg::topk_svd(op, k, {.method = linalg::SvdMethod::lanczos, .tol = tol});
  const double allowed = (tol + rounding(op)) * size;
  for (int64_t i = 0; i < k; ++i) EXPECT_NEAR(svd.S[i].item<double>(), sigma[i], allowed) << "singular value " << i;
  for (const double residual : triplet_residual_norms(A, svd.U, svd.S, svd.V)) EXPECT_LE(residual, allowed);
  EXPECT_LE(orthonormality_error(svd.U), rounding(op));
  EXPECT_LE(orthonormality_error(svd.V), rounding(op));
}

}  // namespace fanion::testing
