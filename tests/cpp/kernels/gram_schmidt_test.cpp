#include "fanion/kernels/gram_schmidt.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/linalg_qr.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

#include "certificates.h"
#include "fanion/kernels/skinny_product.h"
#include "kernels/settings.h"
#include "oracle.h"
#include "zoo.h"

namespace fanion::kernels {
namespace {

using namespace fanion::testing;

at::Tensor block_of(const at::Tensor& X) {
  auto block = empty_block(X.size(0), X.size(1));
  block.copy_(X);
  return block;
}

/// Below and above the size from which several threads take part, and vectors longer than a cache.
TEST(GramSchmidt, ProjectsOutAsTheFormulaDoes) {
  struct Shape {
    int64_t n, p, b;
  };
  const Settings restored;
  for (const auto& [n, p, b] : std::vector<Shape>{{1, 1, 1}, {37, 5, 3}, {500, 30, 8}, {3000, 70, 20}, {20000, 9, 2}})
    for (const auto& set : instruction_sets()) {
      SCOPED_TRACE(set + " n=" + std::to_string(n));
      set_instruction_set(set);
      const auto basis = block_of(std::get<0>(at::linalg_qr(random_normal(n, p, 31))));
      const auto before = random_normal(n, b, 32);
      for (const int64_t first : {int64_t{0}, p / 2}) {
        const auto W = basis.narrow(1, first, p - first).to(at::kDouble);
        auto X = block_of(before);
        const auto C = at::ones({p - first, b}, at::kDouble);
        project_out(basis, first, X, C.data_ptr<double>());
        const auto exact = at::matmul(W.t(), before.to(at::kFloat).to(at::kDouble));
        EXPECT_LE(frobenius_norm(C - 1 - exact), 1e-6 * std::sqrt(n) * frobenius_norm(before));
        const auto left = before - at::matmul(W, exact);
        EXPECT_LE(frobenius_norm(X.to(at::kDouble) - left), 1e-6 * std::sqrt(n) * frobenius_norm(before));
      }
    }
}

TEST(GramSchmidt, CholeskyQrIsOrthonormalAndGivesTheColumnsBack) {
  for (const auto& [n, b] : std::vector<std::pair<int64_t, int64_t>>{{1, 1}, {7, 7}, {64, 3}, {1000, 32}, {20001, 6}}) {
    SCOPED_TRACE(n);
    auto before = random_normal(n, b, 33);
    if (b > 2) before.narrow(1, 1, 1).mul_(1e-12);  // columns of any size
    if (b > 2) before.narrow(1, 2, 1).add_(before.narrow(1, 0, 1), 100);
    const auto X = block_of(before);
    const auto R = at::ones({b, b}, at::kDouble);
    ASSERT_TRUE(cholesky_qr(X, 0, R.data_ptr<double>()));
    EXPECT_LE(orthonormality_error(X), 1e-6);
    EXPECT_TRUE(at::equal(R, R.triu()));
    const auto again = at::matmul(X.to(at::kDouble), R);
    for (int64_t j = 0; j < b; ++j)
      EXPECT_LE(frobenius_norm((again - before).narrow(1, j, 1)), 1e-6 * frobenius_norm(before.narrow(1, j, 1)));
  }
}

TEST(GramSchmidt, SelfProductAndCombination) {
  for (const auto& [n, b] : std::vector<std::pair<int64_t, int64_t>>{{1, 1}, {7, 7}, {64, 3}, {1000, 32}, {20001, 6}}) {
    SCOPED_TRACE(n);
    const auto X = block_of(random_normal(n, b, 35)), exact = X.to(at::kDouble);
    const auto G = at::ones({b, b}, at::kDouble);
    self_product(X, G.data_ptr<double>());
    EXPECT_LE(relative_error(G, at::matmul(exact.t(), exact)), 1e-13);
    for (const int64_t columns : {1, 2, 32}) {
      const auto C = random_normal(b, columns, 36);
      EXPECT_LE(relative_error(combination(X, C.const_data_ptr<double>(), columns), at::matmul(exact, C)), 1e-6);
    }
  }
}

TEST(GramSchmidt, CholeskyQrLeavesDependentColumnsAlone) {
  auto before = random_normal(50, 3, 34);
  before.narrow(1, 2, 1).copy_(before.narrow(1, 0, 1) + before.narrow(1, 1, 1));
  const auto X = block_of(before);
  const auto kept = X.clone();
  const auto R = at::ones({3, 3}, at::kDouble);
  EXPECT_FALSE(cholesky_qr(X, 1e-5, R.data_ptr<double>()));
  EXPECT_TRUE(at::equal(X, kept));
}

TEST(GramSchmidt, LargestColumn) {
  const auto X = block_of(random_normal(1043, 5, 35) * 1e-30);
  const double exact = at::linalg_vector_norm(X.to(at::kDouble), 2, {{0}}).amax().item<double>();
  EXPECT_NEAR(largest_column(X), exact, 1e-12 * exact);
  EXPECT_EQ(largest_column(X.narrow(1, 0, 0)), 0);
}

}  // namespace
}  // namespace fanion::kernels
