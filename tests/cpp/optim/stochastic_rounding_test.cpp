#include "fanion/optim/stochastic_rounding.h"

#include <ATen/ops/abs.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <limits>

#include "certificates.h"
#include "zoo.h"

namespace fanion::optim {
namespace {

using namespace fanion::testing;

at::Tensor count(int64_t step) { return at::full({}, static_cast<double>(step), at::kFloat); }

at::Tensor rounded(const at::Tensor& wide, int64_t step) {
  auto narrow = at::empty(wide.sizes(), at::kBFloat16);
  round_stochastically_(narrow, wide, count(step));
  return narrow.to(at::kFloat);
}

TEST(StochasticRounding, GoesToANeighbourAndLeavesWhatFits) {
  const auto wide = random_normal(90, 70, 401).to(at::kFloat);
  // The neighbours are less than 2⁻⁷ of the entry away.
  EXPECT_TRUE((at::abs(rounded(wide, 3) - wide) < at::abs(wide) * 0x1p-7).all().item<bool>());
  const auto fits = wide.to(at::kBFloat16).to(at::kFloat);
  EXPECT_TRUE(same_bits(rounded(fits, 3), fits));
}

TEST(StochasticRounding, IsRightOnAverage) {
  const auto wide = random_normal(100, 100, 402).to(at::kFloat);
  auto sum = at::zeros(wide.sizes(), at::kDouble);
  constexpr int kTimes = 400;
  for (int step = 0; step < kTimes; ++step) sum += rounded(wide, step);
  const auto error = ((sum / kTimes - wide) / at::abs(wide)).to(at::kDouble);
  // A throw is off by 2⁻⁷ at most, with a standard deviation of half of that: six deviations of the mean.
  EXPECT_LE(at::abs(error).max().item<double>(), 6 * 0x1p-8 / std::sqrt(kTimes));
  EXPECT_LE(std::abs(error.mean().item<double>()), 6 * 0x1p-8 / std::sqrt(kTimes * 1e4));
}

TEST(StochasticRounding, SmallStepsAddUpWhereNearestRoundingStandsStill) {
  auto x = at::full({1000}, 1.0, at::kFloat), nearest = x.clone();
  for (int step = 0; step < 1000; ++step) {
    x = rounded(x + 1e-4, step);
    nearest = (nearest + 1e-4).to(at::kBFloat16).to(at::kFloat);
  }
  EXPECT_TRUE(same_bits(nearest, at::full({1000}, 1.0, at::kFloat)));
  EXPECT_NEAR(x.to(at::kDouble).mean().item<double>(), 1.1, 1e-3);  // 28 deviations of a mean of 1000 walks
}

TEST(StochasticRounding, LoopAndOperatorsThrowTheSameDice) {
  const auto wide = random_normal(40, 60, 403).to(at::kFloat);
  for (const int64_t step : {0, 1, 7, 100000}) {
    auto by_operators = at::zeros({60, 40}, at::kBFloat16).t();  // not contiguous: no loop for that
    round_stochastically_(by_operators, wide, count(step));
    EXPECT_TRUE(same_bits(by_operators.contiguous().to(at::kFloat), rounded(wide, step))) << step;
  }
  EXPECT_FALSE(same_bits(rounded(wide, 1), rounded(wide, 2)));
}

TEST(StochasticRounding, DiceAreEven) {
  const auto dice = rounding_dice(1 << 16, count(5)).to(at::kDouble) / 65536;
  EXPECT_NEAR(dice.mean().item<double>(), 0.5, 6 * std::sqrt(1.0 / 12) / 256);
  EXPECT_NEAR(dice.var().item<double>(), 1.0 / 12, 0.002);
  EXPECT_TRUE((dice >= 0).all().item<bool>() && (dice < 1).all().item<bool>());
}

TEST(StochasticRounding, TheLargestNumbersStayFinite) {
  const float largest = std::numeric_limits<float>::max(), infinity = std::numeric_limits<float>::infinity();
  const auto wide = at::tensor({largest, -largest, infinity, -infinity, 0.0F, -0.0F});
  for (int step = 0; step < 50; ++step) {
    const auto narrow = rounded(wide, step);
    EXPECT_TRUE(narrow.narrow(0, 0, 2).isfinite().all().item<bool>());
    EXPECT_TRUE(same_bits(narrow.narrow(0, 2, 4), wide.narrow(0, 2, 4)));
  }
}

}  // namespace
}  // namespace fanion::optim
