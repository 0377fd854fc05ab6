#include "fanion/optim/lmo_optimizer.h"

#include <ATen/ops/zeros.h>
#include <torch/optim/adamw.h>
#include <torch/optim/schedulers/step_lr.h>
#include <torch/optim/sgd.h>
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

std::stringstream saved(const LmoOptimizer& optimizer) {
  std::stringstream file;
  torch::serialize::OutputArchive out;
  optimizer.save(out);
  out.save_to(file);
  return file;
}

void load(LmoOptimizer& optimizer, std::stringstream file) {
  torch::serialize::InputArchive in;
  in.load_from(file);
  optimizer.load(in);
}

TEST(LmoOptimizer, AKindOfStateThatTheArchiveLacksIsMadeFresh) {
  const Model model;
  LmoOptimizer older(model.groups()), narrow(model.groups(f_neon({.momentum_dtype = MomentumDtype::bfloat16})));
  model.set_gradients(250);
  older.step(), narrow.step(), narrow.step();
  EXPECT_EQ(narrow.named_state()[2].first, "0.0.momentum_step");
  EXPECT_EQ(narrow.named_state()[2].second.item<double>(), 2);
  load(narrow, saved(older));
  EXPECT_EQ(narrow.named_state()[2].second.item<double>(), 0);
  EXPECT_TRUE(same_bits(narrow.named_state()[0].second, older.named_state()[0].second.to(at::kBFloat16)));
  narrow.step();

  const Model other;
  LmoOptimizer fewer({other.groups()[0]});
  EXPECT_VALUE_ERROR(load(older, saved(fewer)), "the archive has no state of parameter 'gain'");
}

TEST(LmoOptimizer, TrajectoriesWithBfloat16MomentumResumeBitForBit) {
  const auto rule = d_fanion(2, {.lr = 0.02, .momentum_dtype = MomentumDtype::bfloat16});
  const Model model, twin;
  LmoOptimizer whole(model.groups(rule)), first(twin.groups(rule));
  for (uint64_t step = 0; step < 3; ++step) {
    model.set_gradients(400 + 10 * step), twin.set_gradients(400 + 10 * step);
    whole.step(), first.step();
  }
  LmoOptimizer resumed(twin.groups(rule));
  load(resumed, saved(first));
  for (uint64_t step = 3; step < 6; ++step) {
    model.set_gradients(400 + 10 * step), twin.set_gradients(400 + 10 * step);
    whole.step(), resumed.step();
  }
  expect_same_bits(twin.all(), model.all());
  expect_same_bits(copy_of_state(resumed), copy_of_state(whole));
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

TEST(LmoOptimizer, AddedGroupsStep) {
  const Model model;
  LmoOptimizer optimizer({model.groups()[0]});
  EXPECT_VALUE_ERROR(optimizer.add_param_group({.params = {model.rest[1]}, .settings = fanion(5)}), "k = 5");
  EXPECT_VALUE_ERROR(optimizer.add_param_group({.params = {model.hidden[1]}, .settings = muon()}), "listed twice");
  EXPECT_EQ(optimizer.param_groups().size(), 1);
  optimizer.add_param_group(model.groups()[1]);
  const Model twin;
  LmoOptimizer at_once(twin.groups());
  model.set_gradients(320), twin.set_gradients(320);
  optimizer.step(), at_once.step();
  expect_same_bits(model.all(), twin.all());
  expect_same_bits(copy_of_state(optimizer), copy_of_state(at_once));
}

TEST(LmoOptimizer, AGroupThatTorchAddedIsRefused) {
  const Model model;
  LmoOptimizer optimizer({model.groups()[0]});
  torch::optim::Optimizer& base = optimizer;
  base.add_param_group(torch::optim::OptimizerParamGroup(model.rest));
  model.set_gradients(330);
  EXPECT_VALUE_ERROR(optimizer.step(), "LmoOptimizer::add_param_group");
}

TEST(LmoOptimizer, OptionsOfTheGroupsAreTorchsAndCount) {
  const Model model, twin;
  LmoOptimizer optimizer(model.groups());
  auto& adamw = static_cast<torch::optim::AdamWOptions&>(optimizer.param_groups()[1].options());
  EXPECT_EQ(adamw.lr(), 3e-3);
  EXPECT_EQ(adamw.betas(), std::make_tuple(0.9, 0.999));
  EXPECT_EQ(adamw.weight_decay(), 1e-2);
  adamw.lr(0.5).betas({0.5, 0.6}).eps(1e-3).weight_decay(0.25);
  auto& lmo = static_cast<LmoGroupOptions&>(optimizer.param_groups()[0].options());
  EXPECT_EQ(lmo.step.lr, 0.02);
  lmo.step.momentum = 0.5;

  const AdamWOptions changed{.lr = 0.5, .beta1 = 0.5, .beta2 = 0.6, .eps = 1e-3, .weight_decay = 0.25};
  LmoOptimizer expected({{.params = twin.hidden, .settings = f_neon({.lr = 0.02, .momentum = 0.5})},
                         {.params = twin.rest, .settings = changed}});
  model.set_gradients(340), twin.set_gradients(340);
  optimizer.step(), expected.step();
  expect_same_bits(model.all(), twin.all());

  lmo.step.momentum = 1;
  EXPECT_VALUE_ERROR(optimizer.step(), "momentum = 1");
  lmo.step.momentum = 0.5;
  adamw.amsgrad(true);
  EXPECT_VALUE_ERROR(optimizer.step(), "amsgrad");
  optimizer.param_groups()[1].set_options(std::make_unique<torch::optim::SGDOptions>(0.1));
  EXPECT_VALUE_ERROR(optimizer.step(), "group 1 must be torch::optim::AdamWOptions");
}

TEST(LmoOptimizer, SettingsOfAGroupAreReadAndChanged) {
  const Model model, twin;
  LmoOptimizer optimizer(model.groups(muon({.lr = 0.02}))), expected(twin.groups(nsgd({.lr = 0.04, .momentum = 0.5})));
  optimizer.param_groups()[0].options().set_lr(0.03);
  auto settings = std::get<LmoSettings>(optimizer.settings(0));
  EXPECT_EQ(settings.step.lr, 0.03);
  EXPECT_EQ(settings.rule->name(), muon().rule->name());
  EXPECT_EQ(std::get<AdamWOptions>(optimizer.settings(1)).lr, 3e-3);
  optimizer.set_settings(0, nsgd({.lr = 0.08, .momentum = 0.5}));
  optimizer.scale_lr(0.5), expected.param_groups()[1].options().set_lr(1.5e-3);
  model.set_gradients(350), twin.set_gradients(350);
  optimizer.step(), expected.step();
  expect_same_bits(model.all(), twin.all());

  const auto before = model.copy();
  EXPECT_VALUE_ERROR(optimizer.set_settings(0, neon()),
                     "parameter 'first' has state that the new settings do not take");
  EXPECT_VALUE_ERROR(optimizer.set_settings(0, nsgd({.momentum = 2})), "momentum = 2");
  EXPECT_VALUE_ERROR(optimizer.set_settings(2, nsgd()), "group 2 is out of range: there are 2");
  EXPECT_VALUE_ERROR(optimizer.settings(2), "group 2 is out of range");
  optimizer.scale_lr(0);
  optimizer.step();
  expect_same_bits(model.all(), before);
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
  EXPECT_VALUE_ERROR(make({{.params = {matrix}, .settings = AdamWOptions{.beta1 = 1}}}), "beta1 = 1");
  EXPECT_VALUE_ERROR(make({{.params = {matrix}, .settings = muon()}, {.params = {matrix}, .settings = AdamWOptions{}}}),
                     "parameter 0 of group 1 (shape [5, 4]) is listed twice");
  EXPECT_VALUE_ERROR(make({{.params = {matrix, matrix}, .settings = muon(), .names = {"a", "b"}}}),
                     "parameter 'b' is listed twice");
  EXPECT_VALUE_ERROR(make({{.params = {vector, vector}, .settings = AdamWOptions{}}}), "parameter 1 of group 0");
  EXPECT_VALUE_ERROR(make({{.params = {at::Tensor()}, .settings = muon()}}), "undefined");
}

}  // namespace
}  // namespace fanion::optim
