#include "fanion/norms/frobenius.h"

#include <ATen/ops/zeros.h>

#include "certificates.h"
#include "zoo.h"

namespace fanion::norms {
namespace {

using namespace fanion::testing;

TEST(Frobenius, StepHasUnitLengthInEveryDtypeOfTheWeights) {
  for (const auto dtype : {at::kDouble, at::kFloat, at::kBFloat16, at::kHalf})
    for (const double size : {0x1p-100, 1.0, 0x1p+100}) {  // 1e-30, 1, 1e30
      const auto M = (random_normal(9, 8, 91) * size).to(dtype == at::kDouble ? at::kDouble : at::kFloat);
      auto W = at::zeros({9, 8}, dtype);
      apply_(W, frobenius()->lmo(M), 1);
      // Each entry is rounded to W's dtype: 8 bits in bfloat16, the fewest.
      EXPECT_NEAR(frobenius_norm(W), 1, 0x1p-8) << dtype << " " << size;
    }
}

TEST(Frobenius, ZeroMomentumMovesNothingInEveryDtypeOfTheWeights) {
  for (const auto dtype : {at::kDouble, at::kFloat, at::kBFloat16, at::kHalf}) {
    const auto M = at::zeros({9, 8}, dtype == at::kDouble ? at::kDouble : at::kFloat);
    auto W = random_normal(9, 8, 92).to(dtype);
    const auto before = W.clone();
    apply_(W, frobenius()->lmo(M), 1);
    EXPECT_TRUE(same_bits(W, before)) << dtype;
  }
}

}  // namespace
}  // namespace fanion::norms
