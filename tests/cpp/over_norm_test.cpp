#include "fanion/over_norm.h"

#include <ATen/ops/zeros.h>

#include "certificates.h"
#include "zoo.h"

namespace fanion {
namespace {

using namespace fanion::testing;

TEST(OverNorm, HasLengthOneAtEveryScale) {
  for (const double size : {1e-320, 1e-300, 1e-170, 1e-30, 1.0, 1e30, 1e160, 1e307}) {
    const auto X = random_normal(5, 4, 921) * size;
    EXPECT_NEAR(frobenius_norm(over_norm(X, std::nullopt)), 1, 1e-3 * (size < 1e-310) + 1e-14) << size;
    const auto rows = over_norm(X, {{1}});
    for (int64_t i = 0; i < 5; ++i) EXPECT_NEAR(frobenius_norm(rows[i]), 1, 1e-3 * (size < 1e-310) + 1e-14) << size;
  }
  for (const double size : {1e-44, 1e-38, 1.0, 1e37}) {
    const auto X = (random_normal(5, 4, 922) * size).to(at::kFloat);
    EXPECT_NEAR(frobenius_norm(over_norm(X, std::nullopt)), 1, 1e-6) << size;
  }
  EXPECT_EQ(frobenius_norm(over_norm(at::zeros({3, 2}, at::kDouble), std::nullopt)), 0);
}

TEST(OverNorm, DividesByNoLessThanAsked) {
  const auto X = random_normal(5, 4, 923);
  const double norm = frobenius_norm(X);
  for (const double size : {1e-300, 1e-30, 1e-3})
    EXPECT_LE(relative_error(over_norm(X * size, std::nullopt, {.least = 1}), X * size), 1e-15) << size;
  EXPECT_LE(relative_error(over_norm(X * 1e-200, std::nullopt, {.least = 1e-195}), X * 1e-5), 1e-14);
  EXPECT_LE(relative_error(over_norm(X * 1e200, std::nullopt, {.least = 1}), X / norm), 1e-14);
}

TEST(OverNorm, NarrowsAfterDividing) {
  const auto X = random_normal(5, 4, 924) * 1e30;
  const auto narrow = over_norm(X.to(at::kFloat), std::nullopt, {.dtype = at::kHalf});
  EXPECT_EQ(narrow.scalar_type(), at::kHalf);
  EXPECT_NEAR(frobenius_norm(narrow), 1, 1e-3);
}

}  // namespace
}  // namespace fanion
