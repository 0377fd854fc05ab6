#include "fanion/linalg/coefficient_sets.h"

#include <set>

#include "certificates.h"
#include "linalg/all_steps.h"
#include "zoo.h"

namespace fanion::linalg {
namespace {

using namespace fanion::testing;

/// [lowest, highest] of the chain on a grid of (from, to], fine in the logarithm and near `to`.
std::pair<double, double> range_of_chain(const std::vector<Quintic>& steps, double from, double to) {
  constexpr int kPoints = 200000;
  double lowest = std::numeric_limits<double>::infinity(), highest = -lowest;
  for (int i = 1; i <= kPoints; ++i) {
    const double part = static_cast<double>(i) / kPoints;
    for (const double x : {from * std::pow(to / from, part), from + (to - from) * part}) {
      const double y = quintic_chain(x, steps);
      lowest = std::min(lowest, y), highest = std::max(highest, y);
    }
  }
  return {lowest, highest};
}

TEST(CoefficientSets, StayWithinTheDocumentedBounds) {
  for (const auto& set : coefficient_sets()) {
    SCOPED_TRACE(set.name);
    const auto steps = all_steps(set);
    ASSERT_EQ(static_cast<int64_t>(steps.size()), set.steps);
    const auto [lowest, highest] = range_of_chain(steps, set.from, set.to);
    EXPECT_GE(lowest, set.low);
    EXPECT_LE(highest, set.high);
    const auto [smallest, largest] = range_of_chain(steps, 1e-12, set.from);
    EXPECT_GT(smallest, 0) << "a direction would turn round";
    EXPECT_LE(largest, set.high);
  }
}

TEST(CoefficientSets, BoundsAreNoLooserThanTheirDigits) {
  for (const auto& set : coefficient_sets()) {
    SCOPED_TRACE(set.name);
    const auto [lowest, highest] = range_of_chain(all_steps(set), 1e-12, set.to);
    const auto [low, unused] = range_of_chain(all_steps(set), set.from, set.to);
    // Both ends are reached but for their last digit.
    EXPECT_LE(low - set.low, 0.003);
    EXPECT_LE(set.high - highest, 0.01);
    // The interval cannot be made longer by a half either.
    EXPECT_LT(range_of_chain(all_steps(set), set.from / 2, set.from).first, set.low);
  }
}

TEST(CoefficientSets, WhatTheirDocumentationAdds) {
  const auto& damped = coefficient_set("cubic-damped");
  EXPECT_LE(range_of_chain(all_steps(damped), damped.from, 1).second, 1 + 1e-5);
  const auto [low, high] = range_of_chain(first_steps(coefficient_set("polar-express"), 5), 1e-3, 1);
  EXPECT_GE(low, 0.846);
  EXPECT_LE(high, 1.124);
  const auto finite = [](const char* name, double x) {
    const double y = quintic_chain(x, all_steps(coefficient_set(name)));
    return y > 0 && y < 1.2;
  };
  EXPECT_TRUE(finite("polar-express", 1.01));
  EXPECT_TRUE(finite("polar-express-1.02", 1.02));
  EXPECT_TRUE(finite("polar-express-1.05", 1.05));
  EXPECT_GT(quintic_chain(1.001, all_steps(coefficient_set("cans"))), 1e6);
  const auto aol = all_steps(coefficient_set("aol"));
  EXPECT_GT(range_of_chain(aol, 1e-12, 0.8836).first, 0);
  EXPECT_LT(quintic_chain(0.884, aol), 0);
  EXPECT_NEAR(quintic_chain(1, aol), -0.99, 0.005);
  EXPECT_NEAR(quintic_chain(1e-3, coefficient_set("quintic").coefficients[0], 5), 0.47, 0.005);
}

TEST(CoefficientSets, HaveDistinctNamesAndASource) {
  std::set<std::string_view> names;
  for (const auto& set : coefficient_sets()) {
    EXPECT_TRUE(names.insert(set.name).second) << set.name;
    EXPECT_FALSE(set.source.empty()) << set.name;
    EXPECT_EQ(coefficient_set(set.name).coefficients, set.coefficients);
  }
}

TEST(CoefficientSets, ListsAreCutButNeverExtended) {
  const auto& list = coefficient_set("polar-express");
  EXPECT_EQ(first_steps(list, 8), list.coefficients);
  const auto cut = first_steps(list, 3);
  ASSERT_EQ(cut.size(), 3U);
  EXPECT_TRUE(std::equal(cut.begin(), cut.end(), list.coefficients.begin()));
  EXPECT_EQ(first_steps(coefficient_set("cubic"), 40).size(), 1U) << "a single triple serves any number of steps";
  EXPECT_VALUE_ERROR(first_steps(list, 9), "'polar-express' has 8 steps, not 9");
  EXPECT_VALUE_ERROR(coefficient_set("polar"), "unknown Newton–Schulz coefficients 'polar'; choose one of: quintic, ");
}

}  // namespace
}  // namespace fanion::linalg
