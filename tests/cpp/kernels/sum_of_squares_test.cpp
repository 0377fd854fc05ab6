#include "fanion/kernels/sum_of_squares.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <limits>

#include "oracle.h"
#include "zoo.h"

namespace fanion::kernels {
namespace {

using namespace fanion::testing;

double plain_sum(const at::Tensor& X) { return X.to(at::kDouble).square().sum().item<double>(); }

/// 32 additions of float32 squares at a time, each a relative u, and the square's own; double sums add nothing to see.
double allowed(at::ScalarType dtype) { return dtype == at::kDouble ? 1e-12 : 40 * 6e-8; }

TEST(SumOfSquares, IsExactForEverySizeAndDtype) {
  uint64_t seed = 1;
  for (const auto dtype : {at::kFloat, at::kDouble, at::kBFloat16, at::kHalf})
    for (const int64_t count : {1, 2, 63, 64, 65, 127, 2048, 2049, 65535, 65536, 65537, 300000}) {
      const auto X = random_normal(1, count, seed++).to(dtype);
      EXPECT_NEAR(sum_of_squares(X) / plain_sum(X), 1, allowed(dtype)) << count << " of " << dtype;
    }
}

TEST(SumOfSquares, IsExactAtEveryScale) {
  for (const auto dtype : {at::kFloat, at::kDouble, at::kBFloat16})
    for (const double scale : {1e-38, 1e-30, 1e-19, 1e-15, 1e-10, 1.0, 1e10, 1e18, 1e19, 1e30, 1e37}) {
      const auto X = (scale * random_normal(90, 70, 2)).to(dtype);
      EXPECT_NEAR(sum_of_squares(X) / plain_sum(X), 1, allowed(dtype)) << scale << " in " << dtype;
    }
  // Most elements far below the largest: their squares are lost or not, the sum is right.
  for (const double scale : {1e-30, 1e-12, 1e12}) {
    auto X = (scale * random_normal(90, 70, 3)).to(at::kFloat);
    X[41][3] = 1;
    EXPECT_NEAR(sum_of_squares(X) / plain_sum(X), 1, allowed(at::kFloat)) << scale;
  }
}

TEST(SumOfSquares, LengthsHaveEveryScaleOfFloat64) {
  const auto X = random_normal(9, 7, 4);
  const double length = std::sqrt(plain_sum(X));
  for (const double scale : {1e-300, 1e-170, 1e-160, 1e-100, 1.0, 1e100, 1e160, 1e300})
    EXPECT_NEAR(frobenius_norm(X * scale).item<double>() / scale / length, 1, 1e-14) << scale;
  EXPECT_EQ(frobenius_norm(at::zeros({3, 2}, at::kDouble)).item<double>(), 0);
  EXPECT_TRUE(std::isinf(frobenius_norm(at::full({9, 7}, 1.7e308, at::kDouble)).item<double>()));
}

TEST(SumOfSquares, TakesEveryLayout) {
  const auto larger = random_normal(120, 90, 4).to(at::kFloat);
  for (const auto& X : {larger.t(), larger.narrow(1, 0, 87), larger.slice(0, 0, std::nullopt, 3),
                        larger.slice(1, 1, std::nullopt, 2).t(), larger.narrow(0, 7, 1).expand({5, 90}),
                        larger.view({4, 30, 90}).permute({2, 0, 1}), larger[3], larger[3][4]})
    EXPECT_NEAR(sum_of_squares(X) / plain_sum(X), 1, allowed(at::kFloat)) << X.sizes() << X.strides();
}

TEST(SumOfSquares, OfNothingAndOfZerosIsZero) {
  for (const auto dtype : {at::kFloat, at::kDouble, at::kBFloat16}) {
    EXPECT_EQ(sum_of_squares(at::zeros({0, 5}, dtype)), 0);
    EXPECT_EQ(sum_of_squares(at::zeros({70, 50}, dtype)), 0);
  }
}

TEST(SumOfSquares, NanAndInfinityComeOut) {
  for (const auto dtype : {at::kFloat, at::kDouble, at::kBFloat16})
    for (const int64_t where : {0, 40, 3000, 3499}) {  // in a group of 64 and in the rest
      auto X = random_normal(1, 3500, 5).to(dtype);
      X[0][where] = -std::numeric_limits<double>::infinity();
      EXPECT_EQ(sum_of_squares(X), std::numeric_limits<double>::infinity()) << where;
      X[0][where] = std::numeric_limits<double>::quiet_NaN();
      EXPECT_TRUE(std::isnan(sum_of_squares(X))) << where;
    }
}

TEST(SumOfSquares, TheNumberOfThreadsDoesNotMatter) {
  const auto X = random_normal(1000, 1100, 6).to(at::kFloat);  // 17 chunks
  const int before = at::get_num_threads();
  at::set_num_threads(1);
  const double alone = sum_of_squares(X);
  for (const int threads : {2, 3}) {
    at::set_num_threads(threads);
    EXPECT_EQ(sum_of_squares(X), alone) << threads;
  }
  at::set_num_threads(before);
}

}  // namespace
}  // namespace fanion::kernels
