#include "fanion/optim/lmo_optimizer.h"

#include <ATen/ops/zeros.h>
#include <torch/optim/schedulers/step_lr.h>
#include <torch/serialize/archive.h>

#include <sstream>

#include "certificates.h"
#include "fanion/optim/presets.h"
#include "zoo.h"

namespace fanion::optim {
namespace {

using namespace fanion::testing;

/// Two matrices under a rule with a warm start, a gain and a matrix under AdamW.
struct Model {
  std::vector<at::Tensor> hidden = {random_normal(8, 6, 191), random_normal(6, 9, 192)};
  std::vector<at::Tensor> rest = {random_normal(1, 6, 193)[0], random_normal(4, 4, 194)};

  std::vector<ParamGroup> groups(const LmoSettings& rule = f_neon({.lr = 0.02})) const {
    return {{.params = hidden, .settings = rule, .names = {"first", "second"}},
            {.params = rest, .settings = AdamWOptions{.lr = 3e-3}, .names = {"gain", "head"}}};
  }
  std::vector<at::Tensor> all() const { return {hidden[0], hidden[1], rest[0], rest[1]}; }
  std::vector<at::Tensor> copy() const {
    std::vector<at::Tensor> copies;
    for (const auto& p : all()) copies.push_back(p.clone());
    return copies;
  }
  void set_gradients(uint64_t seed) const {
    for (const auto& p : all()) p.mutable_grad() = random_normal(1, p.numel(), seed++).view(p.sizes());
  }
};

std::vector<at::Tensor> copy_of_state(const LmoOptimizer& optimizer) {
  std::vector<at::Tensor> copies;
  for (const auto& [name, tensor] : optimizer.named_state()) copies.push_back(tensor.clone());
  return copies;
}

void expect_same_bits(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_TRUE(same_bits(a[i], b[i])) << i;
}

TEST(LmoOptimizer, StepsAreThoseOfTheFreeFunctions) {
  const Model model, twin;
  LmoOptimizer optimizer(model.groups());
  const auto rule = f_neon({.lr = 0.02});
  std::vector<at::Tensor> B, warm, m, v, t;
  for (const auto& p : twin.hidden) {
    auto state = initial_lmo_state(p, *rule.rule);
    B.push_back(state.momentum_buffer), warm.push_back(state.warm_start);
  }
  for (const auto& p : twin.rest) {
    auto state = initial_adamw_state(p);
    m.push_back(state.exp_avg), v.push_back(state.exp_avg_sq), t.push_back(state.step);
  }
  for (uint64_t step = 0; step < 3; ++step) {
    model.set_gradients(200 + 10 * step);
    optimizer.step();
    lmo_step_(twin.hidden, {model.hidden[0].grad(), model.hidden[1].grad()}, B, warm, *rule.rule, rule.step);
    adamw_step_(twin.rest, {model.rest[0].grad(), model.rest[1].grad()}, m, v, t, {.lr = 3e-3});
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
  EXPECT_EQ(before[1].sizes(), (at::IntArrayRef{6, 5})) << "one triplet and four extra columns";
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

TEST(LmoOptimizer, SavedAndLoadedTrajectoryIsBitEqual) {
  const Model model;
  LmoOptimizer optimizer(model.groups());
  for (uint64_t step = 0; step < 2; ++step) model.set_gradients(240 + 10 * step), optimizer.step();

  std::stringstream file;
  torch::serialize::OutputArchive out;
  optimizer.save(out);
  out.save_to(file);
  const Model twin;
  for (std::size_t i = 0; i < 4; ++i) twin.all()[i].copy_(model.all()[i]);
  LmoOptimizer resumed(twin.groups());
  torch::serialize::InputArchive in;
  in.load_from(file);
  resumed.load(in);
  expect_same_bits(copy_of_state(resumed), copy_of_state(optimizer));

  model.set_gradients(260), twin.set_gradients(260);
  optimizer.step(), resumed.step();
  expect_same_bits(twin.all(), model.all());
}

TEST(LmoOptimizer, LoadingAnotherModelsStateChangesNothing) {
  const Model model;
  LmoOptimizer optimizer(model.groups());
  LmoOptimizer other({random_normal(8, 6, 195), random_normal(3, 3, 196)}, f_neon());
  torch::serialize::OutputArchive out;
  other.save(out);
  std::stringstream file;
  out.save_to(file);
  torch::serialize::InputArchive in;
  in.load_from(file);
  const auto before = copy_of_state(optimizer);
  EXPECT_VALUE_ERROR(optimizer.load(in), "0.1.momentum_buffer has shape [3, 3]");
  expect_same_bits(copy_of_state(optimizer), before);
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
  LmoOptimizer optimizer({W}, nsgd({.lr = 0.1, .momentum = 0, .weight_decay = 0, .scale = norms::ShapeScale::none}));
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

TEST(LmoOptimizer, RefusesGroupsThatCannotWork) {
  const auto matrix = random_normal(5, 4, 198), vector = at::zeros({5}, at::kDouble);
  const auto make = [](std::vector<ParamGroup> groups) { LmoOptimizer optimizer(std::move(groups)); };
  EXPECT_VALUE_ERROR(make({{.params = {}, .settings = muon()}}), "empty");
  EXPECT_VALUE_ERROR(make({{.params = {matrix}, .settings = muon(), .names = {"a", "b"}}}), "1 parameters and 2 names");
  EXPECT_VALUE_ERROR(make({{.params = {matrix}, .settings = LmoSettings{}}}), "no rule");
  EXPECT_VALUE_ERROR(make({{.params = {vector}, .settings = muon()}}), "AdamW");
  EXPECT_VALUE_ERROR(make({{.params = {matrix}, .settings = fanion(5)}}), "k = 5 is out of range");
  EXPECT_VALUE_ERROR(make({{.params = {matrix}, .settings = d_fanion(5)}}), "k = 5 is out of range");
  EXPECT_VALUE_ERROR(make({{.params = {matrix}, .settings = muon({.momentum = 1})}}), "momentum = 1");
  EXPECT_VALUE_ERROR(make({{.params = {matrix}, .settings = AdamWOptions{.beta1 = 1}}}), "betas");
  EXPECT_THROW(make({{.params = {matrix}, .settings = muon()}, {.params = {matrix}, .settings = AdamWOptions{}}}),
               c10::Error)
      << "one parameter in two groups";
}

}  // namespace
}  // namespace fanion::optim
