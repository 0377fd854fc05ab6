#include "fanion/kernels/all_finite.h"

#include <ATen/TensorOperators.h>

#include "kernels/settings.h"
#include "zoo.h"

namespace fanion::kernels {
namespace {

using namespace fanion::testing;

TEST(AllFinite, FindsEachKindWhereverItIs) {
  const Settings settings;
  const double inf = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  for (const auto& set : instruction_sets()) {
    set_instruction_set(set);
    for (const int64_t count : {1, 15, 64, 65, 200, 70000})
      for (const double bad : {inf, -inf, nan})
        for (const int64_t at : {int64_t{0}, count / 2, count - 1}) {
          const auto X = random_normal(1, count, 1).to(at::kFloat), good = X.clone();
          X.view(-1)[at] = bad;
          EXPECT_EQ(all_finite({good, X, good}), (std::vector<bool>{true, false, true})) << set << count << bad << at;
        }
  }
}

TEST(AllFinite, LargestNumbersAreFinite) {
  const Settings settings;
  for (const auto& set : instruction_sets()) {
    set_instruction_set(set);
    const auto largest = at::full({300}, 3.4028e38, at::kFloat), smallest = at::full({300}, 1e-45, at::kFloat);
    EXPECT_EQ(all_finite({largest, -largest, smallest, at::empty({0}, at::kFloat)}), std::vector<bool>(4, true)) << set;
  }
  EXPECT_TRUE(all_finite({}).empty());
}

TEST(AllFinite, TakesFloatsWithoutGaps) {
  const auto X = at::zeros({4, 6}, at::kFloat);
  EXPECT_TRUE(takes_all_finite(X) && takes_all_finite(X.t()));
  EXPECT_FALSE(takes_all_finite(X.narrow(1, 0, 3)));
  EXPECT_FALSE(takes_all_finite(X.to(at::kDouble)) || takes_all_finite(X.to(at::kBFloat16)));
}

}  // namespace
}  // namespace fanion::kernels
