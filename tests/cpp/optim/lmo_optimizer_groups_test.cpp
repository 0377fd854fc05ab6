#include "fanion/optim/lmo_optimizer.h"

#include <ATen/ops/zeros.h>
#include <torch/optim/adamw.h>
#include <torch/optim/sgd.h>

#include "certificates.h"
#include "fanion/optim/presets.h"
#include "optim/optimizer_model.h"
#include "zoo.h"

namespace fanion::optim {
namespace {

using namespace fanion::testing;

TEST(LmoOptimizerGroups, AddedGroupsStep) {
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

TEST(LmoOptimizerGroups, AGroupThatTorchAddedIsRefused) {
  const Model model;
  LmoOptimizer optimizer({model.groups()[0]});
  torch::optim::Optimizer& base = optimizer;
  base.add_param_group(torch::optim::OptimizerParamGroup(model.rest));
  model.set_gradients(330);
  EXPECT_VALUE_ERROR(optimizer.step(), "LmoOptimizer::add_param_group");
}

TEST(LmoOptimizerGroups, OptionsOfTheGroupsAreTorchsAndCount) {
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

TEST(LmoOptimizerGroups, SettingsOfAGroupAreReadAndChanged) {
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

TEST(LmoOptimizerGroups, RefusesGroupsThatCannotWork) {
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
