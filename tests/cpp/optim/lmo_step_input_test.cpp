// What a step does with bad input: it throws, or skips, before anything is changed.

#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <limits>

#include "certificates.h"
#include "fanion/norms/registry.h"
#include "optim/stepping.h"
#include "zoo.h"

namespace fanion::optim {
namespace {

using namespace fanion::testing;

/// Two good parameters around one with the given entry in its gradient, and a copy of everything.
struct Trio {
  explicit Trio(double entry) {
    for (uint64_t i = 0; i < 3; ++i) {
      W.push_back(random_normal(7, 5, 160 + i)), g.push_back(random_normal(7, 5, 163 + i));
      auto state = initial_lmo_state(W[i], rule);
      B.push_back(state.momentum_buffer + 1), warm.push_back(state.warm_start);
    }
    g[1][2][3] = entry;
    for (const auto* list : {&W, &B, &warm})
      for (const auto& x : *list) before.push_back(x.clone());
  }
  bool unchanged(std::size_t i) const {
    return same_bits(W[i], before[i]) && same_bits(B[i], before[3 + i]) && same_bits(warm[i], before[6 + i]);
  }
  norms::RulePtr rule = norms::rule_from_name("f-neon");
  std::vector<at::Tensor> W, g, B, warm, before;
};

TEST(LmoStepInput, ANanNamesItsParameterAndChangesNothing) {
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    Trio t(bad);
    EXPECT_VALUE_ERROR(lmo_step_(t.W, t.g, t.B, t.warm, t.rule, {}, {"a", "layer.1.weight", "c"}),
                       "parameter 'layer.1.weight'");
    EXPECT_VALUE_ERROR(lmo_step_(t.W, t.g, t.B, t.warm, t.rule, {}), "parameter 1");
    for (std::size_t i = 0; i < 3; ++i) EXPECT_TRUE(t.unchanged(i)) << i;
  }
}

TEST(LmoStepInput, SkipLeavesOnlyTheBadParameterAlone) {
  Trio t(std::nan(""));
  EXPECT_EQ(lmo_step_(t.W, t.g, t.B, t.warm, t.rule, {.nonfinite = NonfinitePolicy::skip}), 1);
  EXPECT_FALSE(t.unchanged(0));
  EXPECT_TRUE(t.unchanged(1));
  EXPECT_FALSE(t.unchanged(2));
}

TEST(LmoStepInput, BadInputThrowsBeforeAnythingChanges) {
  Trio t(0);
  const auto step = [&](const std::vector<at::Tensor>& W, const std::vector<at::Tensor>& g,
                        const std::vector<at::Tensor>& B,
                        const std::vector<at::Tensor>& warm) { lmo_step_(W, g, B, warm, t.rule, {}); };
  const auto third = [](const std::vector<at::Tensor>& list, const at::Tensor& x) {
    return std::vector<at::Tensor>{list[0], list[1], x};
  };
  EXPECT_VALUE_ERROR(step(t.W, third(t.g, t.g[2].t()), t.B, t.warm), "parameter 2 of group 0 (shape [7, 5])");
  EXPECT_VALUE_ERROR(step(t.W, third(t.g, t.g[2].to_sparse()), t.B, t.warm), "sparse");
  EXPECT_VALUE_ERROR(step(t.W, t.g, third(t.B, t.B[2].t()), t.warm), "momentum_buffer is Double[5, 7]");
  EXPECT_VALUE_ERROR(step(t.W, t.g, third(t.B, t.B[2].to(at::kFloat)), t.warm), "needed is Double[7, 5]");
  EXPECT_VALUE_ERROR(step(t.W, t.g, t.B, third(t.warm, t.warm[2].narrow(1, 0, 1))), "its warm_start is Double[5, 1]");
  EXPECT_VALUE_ERROR(step(third(t.W, at::ones({7, 5}, at::kLong)), t.g, t.B, t.warm), "floating-point");
  EXPECT_VALUE_ERROR(step(third(t.W, t.W[0]), t.g, t.B, t.warm),
                     "parameter 2 of group 0 (shape [7, 5]) is listed twice");
  EXPECT_VALUE_ERROR(step_({{t.W[0], t.g[0], {{"momentum_buffer", t.B[0]}}}}, {LmoSettings{t.rule, {}}}),
                     "has 1 state tensors, needed are 2");
  EXPECT_VALUE_ERROR(
      step_({{t.W[0], t.g[0], {{"warm_start", t.warm[0]}, {"momentum_buffer", t.B[0]}}}}, {LmoSettings{t.rule, {}}}),
      "the state warm_start where momentum_buffer is needed");
  EXPECT_VALUE_ERROR(step_({{t.W[0], t.g[0], {}, 1}}, {LmoSettings{t.rule, {}}}), "there are 1 groups");
  EXPECT_VALUE_ERROR(step_({{t.W[0], t.g[0], {}}}, {LmoSettings{}}), "no rule");
  for (std::size_t i = 0; i < 3; ++i) EXPECT_TRUE(t.unchanged(i)) << i;
  const auto vector = at::zeros({5}, at::kDouble);
  EXPECT_VALUE_ERROR(initial_lmo_state(vector, t.rule), "AdamW");
  EXPECT_VALUE_ERROR(step_({{vector, vector, {}}}, {LmoSettings{t.rule, {}}}), "at least 2 dimensions");
}

TEST(LmoStepInput, ANanInAWarmStartIsNamed) {
  Trio t(0);
  t.warm[2][1][1] = std::nan("");
  for (const auto policy : {NonfinitePolicy::error, NonfinitePolicy::skip})
    EXPECT_VALUE_ERROR(lmo_step_(t.W, t.g, t.B, t.warm, t.rule, {.nonfinite = policy}, {"a", "b", "c"}),
                       "NaN or infinite entries in the warm_start of parameter 'c'");
  for (std::size_t i = 0; i < 2; ++i) EXPECT_TRUE(t.unchanged(i)) << i;
  EXPECT_TRUE(same_bits(t.W[2], t.before[2]) && same_bits(t.B[2], t.before[5]));
}

TEST(LmoStepInput, EmptyMatricesHaveNothingToStep) {
  for (const std::string text : {"muon", "neon", "fanion:k=2", "d-fanion:k=1", "signum"})
    for (const auto& shape : {std::vector<int64_t>{0, 5}, {7, 0}, {3, 0, 2, 2}}) {
      const auto rule = norms::rule_from_name(text);
      const auto empty = at::zeros(shape, at::kFloat);
      auto W = random_normal(7, 5, 171), before = W.clone();
      const LmoSettings settings{rule, {}};
      step_({{empty, at::zeros_like(empty), initial_state(empty, settings)},
             {W, random_normal(7, 5, 172), initial_state(W, settings)}},
            {settings});
      EXPECT_FALSE(same_bits(W, before)) << text;
    }
}

TEST(LmoStepInput, OptionsOutOfRangeAreRefused) {
  Trio t(0);
  const auto step = [&](const LmoStepOptions& options) { lmo_step_(t.W, t.g, t.B, t.warm, t.rule, options); };
  EXPECT_VALUE_ERROR(step({.lr = -1}), "lr = -1");
  EXPECT_VALUE_ERROR(step({.lr = std::nan("")}), "lr");
  EXPECT_VALUE_ERROR(step({.momentum = 1}), "momentum = 1");
  EXPECT_VALUE_ERROR(step({.momentum = -0.1}), "momentum");
  EXPECT_VALUE_ERROR(step({.weight_decay = -0.1}), "weight_decay");
  for (std::size_t i = 0; i < 3; ++i) EXPECT_TRUE(t.unchanged(i)) << i;
}

TEST(LmoStepInput, AZeroGradientOnlyDecays) {
  for (const std::string text : {"muon", "neon", "fanion:k=2", "f-muon", "f-neon", "nsgd", "signum", "d-fanion:k=2"})
    for (const auto dtype : {at::kDouble, at::kFloat, at::kBFloat16}) {
      const auto rule = norms::rule_from_name(text);
      auto W = random_normal(7, 5, 170).to(dtype);
      const auto expected = W * 0.75;
      auto state = initial_lmo_state(W, rule);
      lmo_step_(W, at::zeros_like(W), state.momentum_buffer, state.warm_start, rule, {.lr = 0.5, .weight_decay = 0.5});
      EXPECT_TRUE(same_bits(W, expected)) << text << " " << dtype;
    }
}

}  // namespace
}  // namespace fanion::optim
