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
      EXPECT_EQ(nonfinite(grads), (std::vector<int64_t>{1, 3})) << dtype << " " << bad;
    }
}

TEST(Finite, FindsThemAmongLittleAndLargeTensors) {
  for (const double bad : {kNan, kInf, -kInf}) {
    std::vector<at::Tensor> tensors;
    for (const int64_t rows : {200, 2, 200, 3, 200, 2}) tensors.push_back(random_normal(rows, 200, 138).to(at::kFloat));
    tensors[0][3][7] = bad, tensors[3][2][199] = bad, tensors[4][199][199] = bad;
    EXPECT_EQ(nonfinite(tensors), (std::vector<int64_t>{0, 3, 4})) << bad;
  }
}

TEST(Finite, OppositeInfinitiesDoNotHideEachOther) {
  auto g = random_normal(5, 4, 135);
  g[0][0] = kInf;
  g[1][1] = -kInf;
  EXPECT_EQ(nonfinite({g}), std::vector<int64_t>{0});
}

TEST(Finite, SumsThatOverflowAreNotBadGradients) {
  const std::vector<at::Tensor> grads = {
      at::full({40, 40}, std::numeric_limits<float>::max(), at::kFloat),
      at::full({4, 4}, 1e300, at::kDouble),
      at::full({40, 40}, 65504.0, at::kHalf),
      at::zeros({0, 3}, at::kFloat),
  };
  EXPECT_TRUE(nonfinite(grads).empty());
  EXPECT_TRUE(nonfinite({}).empty());
}

}  // namespace
}  // namespace fanion::optim
