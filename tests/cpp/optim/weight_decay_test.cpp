#include "fanion/optim/weight_decay.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/tensor.h>

#include "certificates.h"
#include "fanion/optim/step_options.h"

namespace fanion::optim {
namespace {

using namespace fanion::testing;

TEST(WeightDecay, KeepsWhatTheMethodLeaves) {
  EXPECT_EQ(kept_by_decay(WeightDecayMethod::decoupled, 0.5, 0.25), 0.875);
  EXPECT_EQ(kept_by_decay(WeightDecayMethod::cautious, 0.5, 0.25), 0.875);
  EXPECT_EQ(kept_by_decay(WeightDecayMethod::independent, 0.5, 0.25), 0.75);
}

TEST(WeightDecay, CautiousMeansWhereTheStepDoesNotLeadAwayFromZero) {
  const auto W = at::tensor({1.0, 1.0, 1.0, -1.0, -1.0, 0.0, 1e-15});
  const auto D = at::tensor({-1.0, 1.0, 0.0, -1.0, 1.0, 1.0, 1e-15});
  const auto expected = at::tensor({1.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0});
  for (const auto dtype : {at::kDouble, at::kFloat, at::kBFloat16})
    EXPECT_TRUE(same_bits(decays_cautiously(W.to(dtype), D.to(at::kFloat)), expected.to(dtype)));
}

TEST(WeightDecay, IndependentTakesAtMostAll) {
  const auto check = [](double decay, WeightDecayMethod method) {
    check_options(LmoStepOptions{.weight_decay = decay, .weight_decay_method = method});
  };
  check(1, WeightDecayMethod::independent);
  check(2, WeightDecayMethod::decoupled);
  EXPECT_VALUE_ERROR(check(1.5, WeightDecayMethod::independent),
                     "weight_decay = 1.5 must be at most 1 with weight_dec");
}

}  // namespace
}  // namespace fanion::optim
