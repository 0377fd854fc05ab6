#include "fanion/optim/finite.h"

#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include <limits>

#include "certificates.h"
#include "zoo.h"

namespace fanion::optim {
namespace {

using namespace fanion::testing;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN(), kInf = std::numeric_limits<double>::infinity();

TEST(Finite, FindsEveryBadGradientInEveryDtype) {
  for (const auto dtype : {at::kDouble, at::kFloat, at::kBFloat16, at::kHalf})
    for (const double bad : {kNan, kInf, -kInf}) {
      std::vector<at::Tensor> grads;
      for (uint64_t i = 0; i < 4; ++i) grads.push_back(random_normal(5, 4, 131 + i).to(dtype));
      grads[1][4][3] = bad;
      grads[3][0][0] = bad;
      EXPECT_EQ(nonfinite_gradients(grads), (std::vector<int64_t>{1, 3})) << dtype << " " << bad;
    }
}

TEST(Finite, OppositeInfinitiesDoNotHideEachOther) {
  auto g = random_normal(5, 4, 135);
  g[0][0] = kInf;
  g[1][1] = -kInf;
  EXPECT_EQ(nonfinite_gradients({g}), std::vector<int64_t>{0});
}

TEST(Finite, SumsThatOverflowAreNotBadGradients) {
  const std::vector<at::Tensor> grads = {
      at::full({40, 40}, std::numeric_limits<float>::max(), at::kFloat),
      at::full({4, 4}, 1e300, at::kDouble),
      at::full({40, 40}, 65504.0, at::kHalf),
      at::zeros({0, 3}, at::kFloat),
  };
  EXPECT_TRUE(nonfinite_gradients(grads).empty());
  EXPECT_TRUE(nonfinite_gradients({}).empty());
}

TEST(Finite, PoliciesThrowSkipOrLookAway) {
  std::vector<at::Tensor> grads = {random_normal(5, 4, 136), random_normal(5, 4, 137)};
  grads[1][0][0] = kNan;
  EXPECT_VALUE_ERROR(check_gradients(grads, {"first", "second"}, NonfinitePolicy::error), "parameter 'second'");
  EXPECT_VALUE_ERROR(check_gradients(grads, {}, NonfinitePolicy::error), "parameter 1 of its group, shape [5, 4]");
  EXPECT_EQ(check_gradients(grads, {}, NonfinitePolicy::skip), (std::vector<bool>{false, true}));
  EXPECT_EQ(check_gradients(grads, {}, NonfinitePolicy::ignore), (std::vector<bool>{false, false}));
}

TEST(Finite, NamesRoundTrip) {
  for (const auto policy : {NonfinitePolicy::error, NonfinitePolicy::skip, NonfinitePolicy::ignore})
    EXPECT_EQ(nonfinite_policy_from_name(name_of(policy)), policy);
  EXPECT_VALUE_ERROR(nonfinite_policy_from_name("warn"), "error, skip, ignore");
}

}  // namespace
}  // namespace fanion::optim
