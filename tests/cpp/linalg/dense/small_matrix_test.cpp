#include "fanion/linalg/dense/small_matrix.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/matmul.h>

#include "certificates.h"
#include "zoo.h"

namespace fanion::linalg {
namespace {

using namespace fanion::testing;

TEST(SmallMatrix, IsACopyOfATensorInAnyLayout) {
  const auto X = random_normal(4, 7, 1);
  EXPECT_TRUE(same_bits(SmallMatrix(X).view(), X));
  EXPECT_TRUE(same_bits(SmallMatrix(X.t()).view(), X.t().contiguous()));
  EXPECT_TRUE(same_bits(SmallMatrix(X.narrow(1, 2, 3)).view(), X.narrow(1, 2, 3).contiguous()));
}

/// By loops, and by ATen for the last.
TEST(SmallMatrix, Products) {
  for (const auto& [m, l, n] : std::vector<std::array<int64_t, 3>>{{1, 1, 1}, {3, 5, 2}, {2, 9, 7}, {40, 30, 50}}) {
    const auto A = random_normal(m, l, 2), B = random_normal(l, n, 3), At = random_normal(l, m, 4);
    EXPECT_LE(relative_error((SmallMatrix(A) * SmallMatrix(B)).view(), at::matmul(A, B)), 1e-14);
    const auto C = transposed_product(SmallMatrix(At), SmallMatrix(B));
    EXPECT_LE(relative_error(C.view(), at::matmul(At.t(), B)), 1e-14);
  }
}

TEST(SmallMatrix, Lengths) {
  const auto L = random_normal(9, 5, 9), M = random_normal(5, 3, 10);
  const auto exact = at::matmul(L, M).square().sum(0).sqrt();
  const auto found = lengths(SmallMatrix(at::matmul(L.t(), L)), SmallMatrix(M));
  ASSERT_EQ(found.size(), 3U);
  for (int64_t i = 0; i < 3; ++i) EXPECT_NEAR(found[i], exact[i].item<double>(), 1e-13 * found[i]);
}

TEST(SmallMatrix, SolvesFromTheRight) {
  const auto X = random_normal(5, 4, 5);
  auto R = random_normal(4, 4, 6);
  R.diagonal().add_(3);
  SmallMatrix Y(X);
  solve_right(Y, SmallMatrix(R));  // what is below the diagonal is not read
  EXPECT_LE(relative_error(at::matmul(Y.view(), R.triu()), X), 1e-13);
}

/// Small and large ones in the layout of the kernels, others, and float64.
TEST(SmallMatrix, CombinesColumns) {
  for (const int64_t n : {1, 17, 800, 20000}) {
    const auto X = random_normal(n, 9, 7), C = random_normal(9, 6, 8);
    const auto exact = at::matmul(X, C);
    const auto columns = X.to(at::kFloat).t().contiguous().t();
    EXPECT_LE(relative_error(combination(columns, SmallMatrix(C)), exact), 1e-6);
    EXPECT_LE(relative_error(combination(columns.narrow(1, 0, 1), SmallMatrix(C.narrow(0, 0, 1))),
                             at::matmul(X.narrow(1, 0, 1), C.narrow(0, 0, 1))),
              1e-6);
    EXPECT_LE(relative_error(combination(X.to(at::kFloat), SmallMatrix(C)), exact), 1e-6);
    EXPECT_LE(relative_error(combination(X, SmallMatrix(C)), exact), 1e-14);
    EXPECT_EQ(combination(X.to(at::kFloat), SmallMatrix(C)).scalar_type(), at::kFloat);
  }
}

}  // namespace
}  // namespace fanion::linalg
