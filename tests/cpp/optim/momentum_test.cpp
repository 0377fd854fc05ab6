#include "fanion/optim/momentum.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include "certificates.h"
#include "fanion/dtype_limits.h"
#include "zoo.h"

namespace fanion::optim {
namespace {

using namespace fanion::testing;

TEST(Momentum, FollowsItsFormulaOverSteps) {
  for (const bool ema : {true, false})
    for (const bool nesterov : {true, false})
      for (const double mu : {0.0, 0.5, 0.95}) {
        SCOPED_TRACE(std::string(ema ? "ema " : "sum ") + (nesterov ? "nesterov " : "plain ") + std::to_string(mu));
        const MomentumOptions options{mu, nesterov, ema ? MomentumKind::ema : MomentumKind::sum};
        auto B = random_normal(5, 4, 121), exact = B.clone();
        for (uint64_t step = 0; step < 4; ++step) {
          const auto g = random_normal(5, 4, 122 + step);
          const auto weighted = (ema ? 1 - mu : 1) * g;
          exact = mu * exact + weighted;
          const auto taken = update_momentum_(B, g, options);
          EXPECT_LE(relative_error(B, exact), 1e-15 * 10);  // a few roundings of float64 per step
          EXPECT_LE(relative_error(taken, nesterov ? mu * exact + weighted : exact), 1e-15 * 10);
          EXPECT_EQ(taken.is_alias_of(B), !nesterov);
        }
      }
}

TEST(Momentum, NarrowGradientsAreAccumulatedInTheBuffersDtype) {
  auto B = at::zeros_like(random_normal(5, 4, 126).to(at::kFloat));
  const auto g = random_normal(5, 4, 127).to(at::kBFloat16);
  update_momentum_(B, g, {.momentum = 0.9});
  EXPECT_EQ(B.scalar_type(), at::kFloat);
  EXPECT_LE(relative_error(B, 0.1 * g.to(at::kDouble)), 10 * working_eps(at::kFloat)) << "rounded to bfloat16";
}

TEST(Momentum, GradientIsNeverWrittenTo) {
  for (const auto kind : {MomentumKind::ema, MomentumKind::sum})
    for (const bool nesterov : {true, false}) {
      auto B = random_normal(5, 4, 128);
      const auto g = random_normal(5, 4, 129), before = g.clone();
      update_momentum_(B, g, {0.9, nesterov, kind});
      EXPECT_TRUE(same_bits(g, before));
    }
}

/// Near the end of the range differences and sums overflow where averages do not: the formula in units of 2^-10, for
/// a dense buffer and one with gaps.
TEST(Momentum, HugeGradientsLeaveNothingInfinite) {
  for (const auto dtype : {at::kFloat, at::kDouble})
    for (const bool ema : {true, false})
      for (const bool nesterov : {true, false})
        for (const bool gaps : {false, true}) {
          SCOPED_TRACE(c10::str(dtype, ema ? " ema " : " sum ", nesterov ? "nesterov " : "plain ", gaps ? "gaps" : ""));
          const MomentumOptions options{0.7, nesterov, ema ? MomentumKind::ema : MomentumKind::sum};
          const double largest = largest_number(dtype) / 1024, size = 0.9 * largest;
          auto B = at::zeros({7, 22}, dtype).narrow(1, 0, gaps ? 11 : 22);
          auto exact = B.to(at::kDouble);
          for (uint64_t step = 0; step < 6; ++step) {
            const auto g = (random_normal(7, B.size(1), 130 + step).sign() * size).to(dtype);
            const auto weighted = (ema ? 0.3 : 1.0) * g.to(at::kDouble);
            exact = (0.7 * exact + weighted).clamp(-largest, largest);
            const auto taken = update_momentum_(B, g * 1024, options);
            const auto expected = nesterov ? (0.7 * exact + weighted).clamp(-largest, largest) : exact;
            EXPECT_LE(relative_error(B / 1024 / largest, exact / largest), 20 * working_eps(dtype)) << step;
            EXPECT_LE(relative_error(taken / 1024 / largest, expected / largest), 20 * working_eps(dtype)) << step;
          }
        }
}

TEST(Momentum, ABfloat16BufferFollowsTheFloat32OneOnAverage) {
  for (const bool nesterov : {true, false}) {
    auto B = at::zeros({40, 50}, at::kBFloat16), step = at::zeros({}, at::kFloat),
         exact = at::zeros({40, 50}, at::kFloat);
    const MomentumOptions options{.momentum = 0.95, .nesterov = nesterov};
    for (uint64_t i = 0; i < 60; ++i) {
      const auto g = random_normal(40, 50, 500 + i).to(at::kFloat);
      const auto taken = update_momentum_(B, g, options, step), expected = update_momentum_(exact, g, options);
      EXPECT_EQ(taken.scalar_type(), at::kFloat);
      // Roundings of 2⁻⁸, forgotten at 0.95 a step: √(1/(1 − 0.95²)) = 3.2 of them.
      EXPECT_LE(relative_error(B, exact), 3.2 * 0x1p-8);
      EXPECT_LE(relative_error(taken, expected), 3.2 * 0x1p-8);
    }
    EXPECT_EQ(step.item<double>(), 60);
  }
}

}  // namespace
}  // namespace fanion::optim
