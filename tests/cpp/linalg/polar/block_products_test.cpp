#include "fanion/linalg/polar/block_products.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/stack.h>

#include "certificates.h"
#include "fanion/kernels/instruction_set.h"
#include "zoo.h"

namespace fanion::linalg {
namespace {

using namespace fanion::testing;

at::Tensor normal(int64_t m, int64_t n, uint64_t seed, at::ScalarType dtype) {
  return (random_normal(m, n, seed) / std::sqrt(static_cast<double>(n))).to(dtype);
}
at::Tensor in_double(const at::Tensor& X) { return X.to(at::kDouble); }

/// Of sums in float32 that are rounded to the dtype.
double rounding_in(at::ScalarType dtype) { return dtype == at::kBFloat16 ? 0x1p-8 : 1e-6; }

/// One tile, several, and several with remainders.
const std::vector<int64_t> kSides = {30, 300, 577};

TEST(BlockProducts, ProductIsMatmul) {
  for (const auto dtype : {at::kFloat, at::kBFloat16, at::kDouble})
    for (const auto m : kSides)
      for (const auto n : kSides)
        for (const bool by_columns : {false, true}) {
          SCOPED_TRACE(c10::str(dtype, " ", m, " x ", n, by_columns));
          const auto A = normal(m, 70, 1, dtype), C = normal(m, n, 2, dtype);
          const auto B = by_columns ? normal(n, 70, 3, dtype).t() : normal(70, n, 3, dtype);
          EXPECT_LE(relative_error(product(A, B), at::matmul(in_double(A), in_double(B))), rounding_in(dtype));
          EXPECT_LE(relative_error(product(A, B, 2, C, -0.5),
                                   2 * at::matmul(in_double(A), in_double(B)) - 0.5 * in_double(C)),
                    rounding_in(dtype));
        }
}

TEST(BlockProducts, SymmetricProductsAreProducts) {
  for (const auto dtype : {at::kFloat, at::kBFloat16, at::kDouble})
    for (const auto m : kSides) {
      SCOPED_TRACE(c10::str(dtype, " ", m));
      const auto X = normal(m, 90, 4, dtype), XX = at::matmul(in_double(X), in_double(X).t());
      const auto gram = symmetric_product(X, X.mT());
      const bool tiled = symmetric_share(m, dtype) < 1 && dtype != at::kDouble;
      EXPECT_TRUE(!tiled || same_bits(gram, gram.t().contiguous()));
      EXPECT_LE(relative_error(gram, XX), rounding_in(dtype));
      const auto polynomial = symmetric_product(gram, gram, 2, gram, -0.5), R = in_double(gram);
      EXPECT_TRUE(!tiled || same_bits(polynomial, polynomial.t().contiguous()));
      EXPECT_LE(relative_error(polynomial, 2 * at::matmul(R, R) - 0.5 * R), rounding_in(dtype));
    }
}

TEST(BlockProducts, BatchesAreTheirMatrices) {
  const auto X = at::stack({normal(300, 310, 5, at::kFloat), normal(300, 310, 6, at::kFloat)});
  const auto R = symmetric_product(X, X.mT()), Y = product(R, X, 1, X, 3);
  for (int64_t i = 0; i < 2; ++i) {
    EXPECT_LE(relative_error(R[i], symmetric_product(X[i], X[i].t()).to(at::kDouble)), 1e-6);
    EXPECT_LE(relative_error(Y[i], product(R[i], X[i], 1, X[i], 3).to(at::kDouble)), 1e-6);
  }
}

TEST(BlockProducts, NumberOfThreadsChangesNoBit) {
  // In float32: what oneDNN's bfloat16 products for AMX give depends on the number of threads.
  const auto X = normal(577, 300, 7, at::kFloat);
  const int before = at::get_num_threads();
  at::Tensor first, second;
  for (const int threads : {1, 2, 3}) {
    at::set_num_threads(threads);
    const auto R = symmetric_product(X, X.mT()), Y = product(R, X);
    if (!first.defined()) std::tie(first, second) = std::pair(R, Y);
    EXPECT_TRUE(same_bits(R, first) && same_bits(Y, second)) << threads;
  }
  at::set_num_threads(before);
}

TEST(BlockProducts, ShareIsThatOfTheTilesFound) {
  EXPECT_EQ(symmetric_share(100, at::kFloat), 1);
  EXPECT_EQ(symmetric_share(768, at::kFloat), 10.0 / 16);
  EXPECT_EQ(symmetric_share(768, at::kBFloat16), kernels::multiplies_tiles() ? 3.0 / 4 : 10.0 / 16);
  EXPECT_NEAR(symmetric_share(100000, at::kBFloat16), 0.5, 0.01);
}

}  // namespace
}  // namespace fanion::linalg
