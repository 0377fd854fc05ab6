#include "fanion/power_of_two.h"

#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include "certificates.h"
#include "zoo.h"

namespace fanion {
namespace {

using namespace fanion::testing;

TEST(PowerOfTwo, ScalesWithoutRounding) {
  const auto X = random_normal(4, 3, 911);
  for (const int exponent : {0, 1, -1, 63, -64, 500, -1000, 1020})
    EXPECT_TRUE(same_bits(times_power_of_two(times_power_of_two(X, exponent), -exponent), X)) << exponent;
  const double least = std::numeric_limits<double>::denorm_min();
  EXPECT_EQ(times_power_of_two(at::tensor({least}, at::kDouble), 1074).item<double>(), 1) << "2^1074 is no number";
  const auto exponents = at::tensor({-1074.0, -3.0, 0.0, 1023.0}, at::kDouble);
  const auto scaled = times_powers_of_two(at::tensor({1.0, 1.5, 1.25, 1.0}, at::kDouble), exponents);
  EXPECT_TRUE(same_bits(scaled, at::tensor({least, 0.1875, 1.25, 0x1p1023}, at::kDouble)));
}

TEST(PowerOfTwo, MiddleOfRangeIsLeftAlone) {
  for (const auto dtype : {at::kFloat, at::kDouble}) {
    const auto X = random_normal(4, 3, 912).to(dtype);
    EXPECT_TRUE(to_middle_of_range(X).X.is_same(X));
    EXPECT_TRUE(to_middle_of_range(at::zeros({2, 2}, dtype)).exponent == 0);
    const auto broken = X * std::numeric_limits<double>::quiet_NaN();
    EXPECT_TRUE(to_middle_of_range(broken).X.is_same(broken));
    for (const int exponent : {dtype == at::kFloat ? -120 : -1000, dtype == at::kFloat ? 120 : 1000}) {
      const auto far = times_power_of_two(X, exponent);
      const auto [near, back] = to_middle_of_range(far);
      const double largest = near.abs().max().item<double>();
      EXPECT_TRUE(largest >= 1 && largest < 2) << largest;
      EXPECT_TRUE(same_bits(times_power_of_two(near, back), far));
    }
  }
}

TEST(PowerOfTwo, SlicesHaveScalesOfTheirOwn) {
  auto X = random_normal(4, 3, 913);
  X[0] *= 1e-300;
  X[1] *= 1e300;
  X[2].zero_();
  const auto [scaled, exponents] = over_largest(X, {{1}});
  EXPECT_TRUE(same_bits(times_powers_of_two(scaled, exponents), X));
  for (const int64_t i : {0, 1, 3}) {
    const double largest = scaled[i].abs().max().item<double>();
    EXPECT_TRUE(largest >= 0.5 && largest < 1) << i << " " << largest;
  }
  EXPECT_EQ(scaled[2].abs().max().item<double>(), 0);
}

}  // namespace
}  // namespace fanion
