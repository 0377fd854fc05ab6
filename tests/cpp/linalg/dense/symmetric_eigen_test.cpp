#include "fanion/linalg/dense/symmetric_eigen.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/diag.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linalg_eigvalsh.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include "certificates.h"
#include "zoo.h"

namespace fanion::linalg {
namespace {

using namespace fanion::testing;

at::Tensor with_values(const std::vector<double>& values, uint64_t seed) {
  const auto n = static_cast<int64_t>(values.size());
  const auto Q = random_orthonormal(n, n, seed);
  const auto A = at::matmul(Q * at::tensor(values, at::kDouble), Q.t());
  return (A + A.t()) / 2;
}

/// AᵀV = V diag(values), VᵀV = I, values descending and LAPACK's.
void expect_decomposed(const at::Tensor& A) {
  const int64_t n = A.size(0);
  const auto eigen = symmetric_eigen(SmallMatrix(A));
  ASSERT_TRUE(eigen.has_value());
  const auto values = at::tensor(eigen->values, at::kDouble);
  const auto V = eigen->vectors.view().t();
  const double norm = A.abs().max().item<double>() * static_cast<double>(n), allowed = 1e-15 * static_cast<double>(n);
  EXPECT_LE(orthonormality_error(V), 2 * allowed);
  EXPECT_LE((at::matmul(A, V) - V * values).abs().max().item<double>(), 4 * allowed * norm);
  EXPECT_LE((values - at::linalg_eigvalsh(A).flip(0)).abs().max().item<double>(), 4 * allowed * norm);
  for (int64_t i = 0; i + 1 < n; ++i) EXPECT_GE(eigen->values[i], eigen->values[i + 1]);
}

TEST(SymmetricEigen, DecomposesWhatLapackDoes) {
  for (const int64_t n : {1, 2, 3, 4, 5, 8, 13, 24, 48}) {
    SCOPED_TRACE(n);
    const auto X = random_normal(n, n, 3);
    auto tied = std::vector<double>(n, 2.0), pairs = geometric(n, 0.9);
    for (int64_t i = 0; i + 1 < n; i += 2) pairs[i + 1] = pairs[i] * (1 + 1e-14);
    const std::vector<at::Tensor> all = {
        X + X.t(),
        at::matmul(X.t(), X),
        with_values(geometric(n, 0.3), 4),
        with_values(geometric(n, 1e-3), 5),
        with_values(tied, 6),
        with_values(pairs, 7),
        at::ones({n, n}, at::kDouble),
        at::zeros({n, n}, at::kDouble),
        at::diag(at::tensor(geometric(n, 1.5), at::kDouble)),
        at::diag(at::tensor(geometric(n, -0.8), at::kDouble)),
        at::full({n, n}, -3.0, at::kDouble).triu(1).tril(1) + at::full({n, n}, -3.0, at::kDouble).tril(-1).triu(-1),
    };
    for (std::size_t i = 0; i < all.size(); ++i)
      for (const double scale : {1.0, 1e-100, 1e100}) {
        SCOPED_TRACE(c10::str("matrix ", i, ", scale ", scale));
        expect_decomposed(all[i] * scale);
      }
  }
}

TEST(SymmetricEigen, ReadsTheUpperTriangle) {
  const auto X = random_normal(6, 6, 8), A = X + X.t();
  const auto whole = symmetric_eigen(SmallMatrix(A)), upper = symmetric_eigen(SmallMatrix(A.triu()));
  EXPECT_EQ(whole->values, upper->values);
  EXPECT_TRUE(same_bits(whole->vectors.view(), upper->vectors.view()));
}

TEST(SymmetricEigen, GivesNothingForNaN) {
  auto A = random_normal(5, 5, 9);
  A = A + A.t();
  A[1][3] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_FALSE(symmetric_eigen(SmallMatrix(A)).has_value());
}

}  // namespace
}  // namespace fanion::linalg
