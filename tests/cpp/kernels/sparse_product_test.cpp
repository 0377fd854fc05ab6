#include "fanion/kernels/sparse_product.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

#include "certificates.h"
#include "fanion/kernels/instruction_set.h"
#include "kernels/settings.h"
#include "zoo.h"

namespace fanion::kernels {
namespace {

using namespace fanion::testing;

/// m × n with some rows full, some empty, and about one entry in `one_in` elsewhere.
at::Tensor with_gaps(int64_t m, int64_t n, double quantile, at::ScalarType dtype) {
  auto keep = random_normal(m, n, 21) > quantile;
  keep.slice(0, 0, std::nullopt, 7).fill_(true);
  keep.slice(0, 3, std::nullopt, 7).fill_(false);
  const auto A = random_normal(m, n, 22).to(dtype);
  return at::where(keep, A, at::zeros({}, A.options()));
}

TEST(SparseProduct, IsTheProductForEveryInstructionSetAndColumnCount) {
  const Settings restored;
  for (const auto dtype : {at::kFloat, at::kDouble})
    for (const auto& A : {with_gaps(50, 37, 1, dtype), with_gaps(700, 90, 1.5, dtype), with_gaps(3, 900, 0.5, dtype),
                          with_gaps(1, 1, -9, dtype), with_gaps(40, 1, 0, dtype)}) {
      const auto sparse = compressed(A.to_sparse_csr());
      const auto exact = A.to(at::kDouble), X = random_normal(A.size(1), 20, 23).to(dtype);
      for (const auto& set : instruction_sets()) {
        set_instruction_set(set);
        for (int64_t b = 1; b <= 19; ++b) {
          const auto given = X.narrow(1, 1, b);
          const auto Y = sparse_product(sparse, given);
          const auto error = (Y.to(at::kDouble) - at::matmul(exact, given.to(at::kDouble))).abs();
          const auto size = at::matmul(exact.abs(), given.to(at::kDouble).abs());
          EXPECT_EQ(Y.scalar_type(), dtype);
          EXPECT_TRUE((error <= 8 * working_eps(dtype) * size).all().item<bool>())
              << set << ", " << A.sizes() << ", " << b;
        }
      }
    }
}

TEST(SparseProduct, LayoutAndThreadsDoNotMatter) {
  const Settings restored;
  const auto A = with_gaps(3000, 200, 1, at::kDouble);
  const auto sparse = compressed(A.to_sparse_csr());
  const auto X = random_normal(200, 9, 24);
  at::set_num_threads(1);
  const auto expected = sparse_product(sparse, X);
  for (const int threads : {1, 2, 3, 4}) {
    at::set_num_threads(threads);
    EXPECT_TRUE(same_bits(sparse_product(sparse, X), expected));
    EXPECT_TRUE(same_bits(sparse_product(sparse, X.t().contiguous().t()), expected));
  }
}

TEST(SparseProduct, TransposedTwiceIsTheSame) {
  for (const auto dtype : {at::kFloat, at::kDouble})
    for (const auto& A : {with_gaps(50, 37, 1, dtype), with_gaps(3, 900, 0.5, dtype), with_gaps(1, 1, -9, dtype),
                          at::zeros({5, 4}).to(dtype), at::zeros({0, 4}).to(dtype), at::zeros({5, 0}).to(dtype)}) {
      const auto sparse = compressed(A.to_sparse_csr()), flipped = transposed(sparse);
      const auto expected = compressed(A.t().to_sparse_csr()), back = transposed(flipped);
      EXPECT_EQ(flipped.rows, A.size(1));
      EXPECT_EQ(flipped.cols, A.size(0));
      EXPECT_TRUE(flipped.starts.equal(expected.starts)) << A.sizes();
      EXPECT_TRUE(flipped.columns.equal(expected.columns) && flipped.values.equal(expected.values)) << A.sizes();
      EXPECT_TRUE(back.columns.equal(sparse.columns) && back.values.equal(sparse.values)) << A.sizes();
    }
}

TEST(SparseProduct, MatricesWithoutEntriesRowsOrColumns) {
  for (const auto& A : {at::zeros({5, 4}), at::zeros({0, 4}), at::zeros({5, 0})})
    EXPECT_TRUE(
        same_bits(sparse_product(compressed(A.to_sparse_csr()), at::zeros({A.size(1), 3})), at::zeros({A.size(0), 3})));
  EXPECT_FALSE(takes_sparse(at::eye(3)));
  EXPECT_FALSE(takes_sparse(at::eye(3).to_sparse()));
  EXPECT_FALSE(takes_sparse(at::eye(3).to(at::kHalf).to_sparse_csr()));
}

}  // namespace
}  // namespace fanion::kernels
