#include "fanion/optim/lmo_optimizer.h"

#include <torch/optim/schedulers/step_lr.h>

#include "certificates.h"
#include "fanion/optim/presets.h"
#include "optim/optimizer_model.h"
#include "zoo.h"

namespace fanion::optim {
namespace {

using namespace fanion::testing;

TEST(LmoOptimizer, StepsAreThoseOfTheFreeFunction) {
  const Model model, twin;
  LmoOptimizer optimizer(model.groups());
  const std::vector<GroupSettings> settings = {f_neon({.lr = 0.02}), AdamWOptions{.lr = 3e-3}};
  std::vector<StepEntry> entries;
  for (std::size_t i = 0; i < 4; ++i)
    entries.push_back({twin.all()[i], {}, initial_state(twin.all()[i], settings[i / 2]), i / 2});
  for (uint64_t step = 0; step < 3; ++step) {
    model.set_gradients(200 + 10 * step);
    optimizer.step();
    for (std::size_t i = 0; i < 4; ++i) entries[i].grad = model.all()[i].grad();
    step_(entries, settings);
    expect_same_bits(model.all(), twin.all());
  }
}

TEST(LmoOptimizer, StateIsMadeInTheConstructor) {
  const Model model;
  const LmoOptimizer optimizer(model.groups());
  const auto before = copy_of_state(optimizer);
  std::vector<std::string> names;
  int64_t bytes = 0;
  for (const auto& [name, tensor] : optimizer.named_state()) {
    names.push_back(name);
    bytes += tensor.numel() * static_cast<int64_t>(tensor.element_size());
  }
  EXPECT_EQ(names, (std::vector<std::string>{"0.0.momentum_buffer", "0.0.warm_start", "0.1.momentum_buffer",
                                             "0.1.warm_start", "1.0.exp_avg", "1.0.exp_avg_sq", "1.0.step",
                                             "1.1.exp_avg", "1.1.exp_avg_sq", "1.1.step"}));
  EXPECT_EQ(before[1].sizes(), (at::IntArrayRef{6, 2})) << "one triplet and one extra column";
  EXPECT_EQ(optimizer.state_bytes(), bytes);
}

TEST(LmoOptimizer, ANanInTheLastGroupLeavesTheFirstUnchanged) {
  const Model model;
  LmoOptimizer optimizer(model.groups());
  model.set_gradients(210);
  optimizer.step();
  const auto weights = model.copy(), state = copy_of_state(optimizer);
  model.rest[1].mutable_grad()[2][2] = std::nan("");
  EXPECT_VALUE_ERROR(optimizer.step(), "parameter 'head'");
  expect_same_bits(model.all(), weights);
  expect_same_bits(copy_of_state(optimizer), state);
}

TEST(LmoOptimizer, SkippedParametersAreCounted) {
  const Model model;
  LmoOptimizer optimizer(model.groups(f_neon({.nonfinite = NonfinitePolicy::skip})));
  model.set_gradients(220);
  model.hidden[1].mutable_grad()[0][0] = std::nan("");
  const auto before = model.copy();
  optimizer.step();
  optimizer.step();
  EXPECT_EQ(optimizer.skipped(), 2);
  EXPECT_TRUE(same_bits(model.hidden[1], before[1]));
  EXPECT_FALSE(same_bits(model.hidden[0], before[0]));
}

TEST(LmoOptimizer, ParametersWithoutAGradientStay) {
  const Model model;
  LmoOptimizer optimizer(model.groups());
  model.set_gradients(230);
  model.hidden[0].mutable_grad() = at::Tensor();
  model.rest[0].mutable_grad() = at::Tensor();
  const auto before = model.copy(), state = copy_of_state(optimizer);
  optimizer.step();
  EXPECT_TRUE(same_bits(model.hidden[0], before[0]));
  EXPECT_FALSE(same_bits(model.hidden[1], before[1]));
  EXPECT_TRUE(same_bits(model.rest[0], before[2]));
  EXPECT_FALSE(same_bits(model.rest[1], before[3]));
  EXPECT_TRUE(same_bits(copy_of_state(optimizer)[0], state[0]));
}

TEST(LmoOptimizer, LearningRatesAreScaledFromTheInitialOnes) {
  const Model model;
  LmoOptimizer optimizer(model.groups());
  const auto rates = [&] {
    std::vector<double> lrs;
    for (auto& group : optimizer.param_groups()) lrs.push_back(group.options().get_lr());
    return lrs;
  };
  EXPECT_EQ(rates(), (std::vector<double>{0.02, 3e-3}));
  optimizer.scale_lr(0.5);
  optimizer.scale_lr(0.25);  // of the initial rates, not of the last ones
  EXPECT_EQ(rates(), (std::vector<double>{0.02 * 0.25, 3e-3 * 0.25}));
  optimizer.scale_lr(0);
  const auto before = model.copy();
  model.set_gradients(270);
  optimizer.step();
  expect_same_bits(model.all(), before);
}

TEST(LmoOptimizer, TorchSchedulersSetTheRateThatIsUsed) {
  const Model model, twin;
  LmoOptimizer optimizer(model.groups(muon({.lr = 0.04}))), at_half(twin.groups(muon({.lr = 0.02})));
  at_half.param_groups()[1].options().set_lr(1.5e-3);
  torch::optim::StepLR scheduler(optimizer, /*step_size=*/1, /*gamma=*/0.5);
  scheduler.step();  // torch's first call counts step 0, which keeps the rate
  scheduler.step();
  model.set_gradients(280), twin.set_gradients(280);
  optimizer.step(), at_half.step();
  expect_same_bits(model.all(), twin.all());
}

TEST(LmoOptimizer, ClosureIsRunWithGradientsAndItsLossReturned) {
  auto W = random_normal(5, 4, 197).requires_grad_();
  LmoOptimizer optimizer({W},
                         nsgd({.lr = 0.1, .momentum = 0, .weight_decay = 0, .adjust_lr_fn = norms::AdjustLrFn::none}));
  const at::Tensor before = W.detach().clone();
  const auto loss = optimizer.step([&] {
    optimizer.zero_grad();
    auto value = (W * W).sum() / 2;
    value.backward();
    return value;
  });
  EXPECT_NEAR(loss.item<double>(), std::pow(frobenius_norm(before), 2) / 2, 1e-13);
  // The gradient of |W|²/2 is W: the step shortens it by lr along itself.
  EXPECT_LE(relative_error(W, before * (1 - 0.1 / frobenius_norm(before))), 1e-14);
}

/// What was cast, or moved in memory, after the optimizer was made.
TEST(LmoOptimizer, ACastParameterIsNamedBeforeAnythingChanges) {
  for (const std::size_t cast : {0, 3}) {
    const Model model;
    LmoOptimizer optimizer(model.groups());
    model.set_gradients(300);
    auto p = model.all()[cast];
    const auto g = p.grad().to(at::kFloat);
    p.mutable_grad() = at::Tensor();
    p.set_data(p.to(at::kFloat));
    p.mutable_grad() = g;
    const auto weights = model.copy(), state = copy_of_state(optimizer);
    EXPECT_VALUE_ERROR(optimizer.step(), cast == 0 ? "parameter 'first': its momentum_buffer is Double[8, 6] on cpu"
                                                   : "parameter 'head': its exp_avg is Double[4, 4] on cpu");
    expect_same_bits(model.all(), weights);
    expect_same_bits(copy_of_state(optimizer), state);
  }
}

TEST(LmoOptimizer, NothingIsSkippedByAStepThatThrows) {
  const Model model;
  LmoOptimizer optimizer(model.groups(f_neon({.nonfinite = NonfinitePolicy::skip})));
  model.set_gradients(310);
  model.hidden[0].mutable_grad()[0][0] = std::nan("");
  model.rest[1].mutable_grad()[0][0] = std::nan("");
  EXPECT_VALUE_ERROR(optimizer.step(), "parameter 'head'");
  EXPECT_EQ(optimizer.skipped(), 0);
}

}  // namespace
}  // namespace fanion::optim
