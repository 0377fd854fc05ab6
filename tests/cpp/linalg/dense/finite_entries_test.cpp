#include "fanion/linalg/dense/finite_entries.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>

#include <limits>

#include "certificates.h"

namespace fanion::linalg {
namespace {

TEST(FiniteEntries, CountsNanAndBothInfinities) {
  for (const auto dtype : {at::kFloat, at::kDouble, at::kBFloat16}) {
    auto X = at::ones({4, 5}, dtype);
    EXPECT_NO_THROW(check_finite(X, "X"));
    X[1][2] = std::numeric_limits<double>::infinity();
    X[3][0] = -std::numeric_limits<double>::infinity();
    EXPECT_VALUE_ERROR(check_finite(X, "the block"), "the block has 2 NaN or infinite entries out of 20");
    X[0][0] = std::numeric_limits<double>::quiet_NaN();
    EXPECT_VALUE_ERROR(check_finite(X, "the block"), "3 NaN or infinite entries out of 20");
  }
}

TEST(FiniteEntries, AnOverflowingSumIsNotAnInfiniteEntry) {
  EXPECT_NO_THROW(check_finite(at::full({100}, 3e38, at::kFloat), "X"));
  EXPECT_NO_THROW(check_finite(at::ones({0, 3}), "X"));
}

}  // namespace
}  // namespace fanion::linalg
