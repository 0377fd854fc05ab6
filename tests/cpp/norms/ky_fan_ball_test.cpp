#include "fanion/norms/ky_fan_ball.h"

#include <gtest/gtest.h>

#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "oracle.h"

namespace fanion::norms {
namespace {

using Values = std::vector<double>;

double gauge(const Values& s, int64_t k, double a, double b) {
  return ky_fan_ball_gauge(at::tensor(s, at::kDouble), k, a, b);
}

/// Random values with ties, zeros and decades between them.
Values random_values(std::mt19937_64& generator) {
  const auto uniform = [&](double low, double high) {
    return std::uniform_real_distribution<double>(low, high)(generator);
  };
  Values s(std::uniform_int_distribution<int>(1, 40)(generator));
  const double decades = uniform(0, 1) < 0.5 ? 0.3 : uniform(0, 12), ties = uniform(0, 1);
  for (auto& value : s) value = std::pow(10, -uniform(0, decades));
  for (std::size_t i = 1; i < s.size(); ++i)
    if (uniform(0, 1) < ties * ties) s[i] = s[i - 1];
  if (uniform(0, 1) < 0.3) std::fill(s.begin() + static_cast<int64_t>(s.size()) / 2 + 1, s.end(), 0.0);
  std::sort(s.rbegin(), s.rend());
  return s;
}

TEST(KyFanBall, GaugeIsThatOfTheBisection) {
  std::mt19937_64 generator(501);
  for (int trial = 0; trial < 3000; ++trial) {
    const auto s = random_values(generator);
    const auto size = static_cast<int64_t>(s.size());
    const int64_t k = std::uniform_int_distribution<int64_t>(1, size)(generator);
    const double a = std::pow(10, std::uniform_real_distribution<double>(-4, 0)(generator));
    const double b = std::pow(10, std::uniform_real_distribution<double>(-4, 0)(generator));
    const double reference = testing::sum_gauge_by_bisection(s, k, a, b);
    // The reference subtracts nearly equal numbers where b/a, here at least 1e-4, is small.
    ASSERT_NEAR(gauge(s, k, a, b), reference, 1e-11 * reference) << trial << ": k=" << k << " a=" << a << " b=" << b;
  }
}

TEST(KyFanBall, GaugeMatchesKnownRadii) {
  const double tol = 1e-15;
  for (const double a : {0.1, 0.5, 0.9}) {
    const double b = 1 - a;
    EXPECT_NEAR(gauge({3}, 1, a, b), 3, 3 * tol) << "both balls are [-1, 1]";
    for (const double r : {2.0, 5.0}) {  // r equal values: x and d are constant
      const Values equal(static_cast<std::size_t>(r), 2);
      EXPECT_NEAR(gauge(equal, static_cast<int64_t>(r), a, b), 2 / (a + b / std::sqrt(r)), 20 * tol) << a;
      EXPECT_NEAR(gauge(equal, 1, a, b), 2 / (a / r + b / std::sqrt(r)), 20 * tol) << a;
    }
    EXPECT_NEAR(gauge({7, 0, 0}, 1, a, b), 7, 7 * tol) << "rank 1";
  }
  // d = (4 − c, 0) with c = 1: 4 − c = 3c; and θ = 1 in {x ≥ 0, Σx ≤ 1} from (2, 1): d = (1, 1).
  EXPECT_NEAR(gauge({4, 0.5}, 2, 1, 3), 1, tol);
  EXPECT_NEAR(gauge({2, 1}, 1, 1, std::sqrt(2.0)), 1, tol);
}

TEST(KyFanBall, EndsAreThePureGauges) {
  const Values s = {3, 2, 2, 1};
  for (int64_t k = 1; k <= 4; ++k) {
    EXPECT_DOUBLE_EQ(gauge(s, k, 0, 2), std::sqrt(18.0) / 2);
    EXPECT_DOUBLE_EQ(gauge(s, k, 2, 0), std::max(8.0 / static_cast<double>(k), 3.0) / 2);
    // Weights far apart leave only the larger part: the smaller moves the gauge by about its share.
    for (const double tiny : {1e-10, 1e-17, 1e-200}) {
      EXPECT_NEAR(gauge(s, k, tiny, 2), std::sqrt(18.0) / 2, 10 * tiny + 1e-15);
      EXPECT_NEAR(gauge(s, k, 2, tiny), std::max(8.0 / static_cast<double>(k), 3.0) / 2, 10 * tiny + 2e-15);
    }
  }
  EXPECT_EQ(gauge({0, 0}, 1, 0.5, 0.5), 0);
}

TEST(KyFanBall, ScalesWithItsArguments) {
  std::mt19937_64 generator(502);
  for (int trial = 0; trial < 100; ++trial) {
    auto s = random_values(generator);
    const double once = gauge(s, 1, 0.3, 0.7);
    EXPECT_NEAR(gauge(s, 1, 0.9, 2.1), once / 3, 1e-14 * once);
    for (auto& value : s) value *= 1e150;
    EXPECT_NEAR(gauge(s, 1, 0.3, 0.7), 1e150 * once, 1e136 * once);
  }
}

TEST(KyFanBall, SumOfBallsIsTheDualOfTheSumOfKyFanNorms) {
  std::mt19937_64 generator(503);
  const auto sum_gauge = [](const Values& s, const std::vector<KyFanBall>& balls) {
    return ky_fan_balls_gauge(at::tensor(s, at::kDouble), balls);
  };
  for (int trial = 0; trial < 300; ++trial) {
    const auto s = random_values(generator);
    const auto size = static_cast<int64_t>(s.size());
    const auto k_of = [&] { return std::uniform_int_distribution<int64_t>(1, size)(generator); };
    const std::vector<KyFanBall> balls = {{k_of(), 0.3}, {k_of(), 1.5}, {k_of(), 0.7}};
    const double t = sum_gauge(s, balls);
    // Majorisation: s is in the sum of the balls t·B exactly if no sum of its j largest exceeds that of the weights.
    double sum = 0, weights = 0, slack = t;
    for (int64_t j = 0; j < size; ++j) {
      sum += s[j];
      for (const auto& [k, radius] : balls) weights += j < k ? radius : 0;
      slack = std::min(slack, t - sum / weights);
    }
    EXPECT_NEAR(slack, 0, 1e-14 * t);
    const double one = sum_gauge(s, {balls[0]});
    EXPECT_NEAR(one, gauge(s, balls[0].k, 0.3, 0), 1e-14 * one);
  }
}

}  // namespace
}  // namespace fanion::norms
