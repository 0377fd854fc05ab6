#include "fanion/optim/param_groups.h"

#include <torch/nn.h>

#include "certificates.h"
#include "fanion/optim/presets.h"

namespace fanion::optim {
namespace {

using NamesByGroup = std::vector<std::vector<std::string>>;

NamesByGroup group_names(const std::vector<ParamGroup>& groups) {
  NamesByGroup names;
  for (const auto& group : groups) names.push_back(group.names);
  return names;
}

/// One block of a language model whose head is `outputs` wide.
struct TinyGptImpl : torch::nn::Module {
  explicit TinyGptImpl(int64_t outputs = 50) {
    tokens = register_module("tokens", torch::nn::Embedding(50, 8));
    attention = register_module("attention", torch::nn::MultiheadAttention(8, 2));
    norm = register_module("norm", torch::nn::LayerNorm(torch::nn::LayerNormOptions({8})));
    up = register_module("up", torch::nn::Linear(8, 16));
    out = register_module("out", torch::nn::Linear(8, outputs));
  }
  torch::nn::Embedding tokens = nullptr;
  torch::nn::MultiheadAttention attention = nullptr;
  torch::nn::LayerNorm norm = nullptr;
  torch::nn::Linear up = nullptr, out = nullptr;
};
TORCH_MODULE(TinyGpt);

TEST(ParamGroups, ALanguageModel) {
  TinyGpt model;
  const auto groups = param_groups(*model, muon({.lr = 0.02}), {.lr = 3e-3, .weight_decay = 0.1});
  EXPECT_EQ(group_names(groups), (NamesByGroup{{"attention.out_proj.weight", "up.weight"},
                                               {"attention.in_proj_weight"},
                                               {"tokens.weight"},
                                               {"out.weight"},
                                               {"attention.in_proj_bias", "attention.out_proj.bias", "norm.weight",
                                                "norm.bias", "up.bias", "out.bias"}}));
  EXPECT_EQ(std::get<LmoSettings>(groups[0].settings).step.lr, 0.02);
  EXPECT_EQ(std::get<LmoSettings>(groups[0].settings).step.split_sizes, Sizes{});
  EXPECT_EQ(std::get<LmoSettings>(groups[1].settings).step.split_sizes, (Sizes{8, 8, 8}));
  EXPECT_EQ(std::get<AdamWOptions>(groups[3].settings).weight_decay, 0.1);
  EXPECT_EQ(std::get<AdamWOptions>(groups[4].settings).weight_decay, 0);
  EXPECT_EQ(std::get<AdamWOptions>(groups[4].settings).lr, 3e-3);
  const auto whole = param_groups(*model, muon(), {}, {.split = false});
  EXPECT_EQ(whole[0].names,
            (std::vector<std::string>{"attention.in_proj_weight", "attention.out_proj.weight", "up.weight"}));
}

TEST(ParamGroups, AConvolutionalAndARecurrentModel) {
  torch::nn::Sequential cnn(torch::nn::Conv2d(3, 6, 3), torch::nn::BatchNorm2d(6), torch::nn::Linear(6, 10));
  EXPECT_EQ(group_names(param_groups(*cnn, muon())),
            (NamesByGroup{{"0.weight"}, {"2.weight"}, {"0.bias", "1.weight", "1.bias", "2.bias"}}));
  torch::nn::LSTM lstm(4, 5);
  EXPECT_EQ(group_names(param_groups(*lstm, muon())),
            (NamesByGroup{{"weight_ih_l0", "weight_hh_l0"}, {"bias_ih_l0", "bias_hh_l0"}}));
  torch::nn::Sequential one(torch::nn::Linear(4, 5));
  EXPECT_EQ(group_names(param_groups(*one, muon())), (NamesByGroup{{"0.weight"}, {"0.bias"}}))
      << "its only matrix is no head";
  EXPECT_EQ(group_names(param_groups(*cnn, muon(), {}, {.head = ""})).size(), 2);
  EXPECT_EQ(group_names(param_groups(*cnn, muon(), {}, {.adamw = {"0.weight"}})).size(), 2);
}

TEST(ParamGroups, SharedComeOnceAndFrozenNotAtAll) {
  TinyGpt model;
  model->out->weight = model->out->register_parameter("tied", model->tokens->weight);
  model->up->weight.set_requires_grad(false);
  for (const auto& group : param_groups(*model, muon(), {}, {.head = "out"}))
    for (const auto& name : group.names) EXPECT_TRUE(name != "out.tied" && name != "up.weight") << name;
}

struct OddImpl : torch::nn::Module {
  OddImpl() {
    register_parameter("mixing", torch::ones({4, 5}));
    register_parameter("position", torch::ones({1, 1, 5}));
    register_parameter("experts", torch::ones({2, 4, 5}));
  }
};
TORCH_MODULE(Odd);

TEST(ParamGroups, SaysWhatItCannotTell) {
  Odd odd;
  EXPECT_VALUE_ERROR(param_groups(*odd, muon()), "parameter 'mixing' of shape [4, 5] is held by the model itself");
  EXPECT_VALUE_ERROR(param_groups(*odd, muon(), {}, {.matrix = {"mixing"}}), "parameter 'experts'");
  EXPECT_VALUE_ERROR(param_groups(*odd, muon(), {}, {.matrix = {"experts"}}),
                     "'experts' of shape [2, 4, 5], which is no matrix");
  EXPECT_VALUE_ERROR(param_groups(*odd, muon(), {}, {.experts = {"mixing"}}),
                     "'mixing' of shape [4, 5], which is no stack of matrices");
  EXPECT_VALUE_ERROR(param_groups(*odd, muon(), {}, {.adamw = {"mixin"}}),
                     "'mixin', which is no parameter; names look like 'mixing'");
  EXPECT_EQ(group_names(param_groups(*odd, muon(), {}, {.matrix = {"mixing"}, .adamw = {"experts"}})),
            (NamesByGroup{{"mixing"}, {"position", "experts"}}));
  TinyGpt model(7);
  EXPECT_VALUE_ERROR(param_groups(*model, muon()), "'out', has 7 outputs and no embedding as many rows");
  EXPECT_VALUE_ERROR(param_groups(*model, muon(), {}, {.head = "outt"}), "'outt', which is no module");
  for (auto& p : model->parameters()) p.set_requires_grad(false);
  EXPECT_VALUE_ERROR(param_groups(*model, muon(), {}, {.head = ""}), "no parameter that requires a gradient");
}

TEST(ParamGroups, StacksAndSplitsThatOptionsName) {
  Odd odd;
  const auto groups = param_groups(*odd, muon(), {},
                                   {.transposed = {"experts"}, .experts = {"experts"}, .packed = {{"mixing", {1, 3}}}});
  EXPECT_EQ(group_names(groups), (NamesByGroup{{"mixing"}, {"experts"}, {"position"}}));
  EXPECT_EQ(std::get<LmoSettings>(groups[0].settings).step.split_sizes, (Sizes{1, 3}));
  const auto& stack = std::get<LmoSettings>(groups[1].settings).step;
  EXPECT_TRUE(stack.transposed && !stack.flatten);
  const LmoOptimizer optimizer(groups);
  EXPECT_VALUE_ERROR(
      LmoOptimizer(param_groups(*odd, muon(), {}, {.experts = {"experts"}, .packed = {{"mixing", {1, 2}}}})),
      "parameter 'mixing': split_sizes = 1+2 add up to 3, and the rows (out)");
}

TEST(ParamGroups, TheyStep) {
  torch::nn::Sequential model(torch::nn::Linear(4, 8), torch::nn::ReLU(), torch::nn::Linear(8, 8),
                              torch::nn::Linear(8, 1));
  LmoOptimizer optimizer(param_groups(*model, muon({.lr = 0.02}), {.lr = 0.01}));
  EXPECT_EQ(optimizer.param_groups().size(), 3);
  const auto x = torch::ones({6, 4});
  const auto loss = [&] { return model->forward(x).square().mean(); };
  const double first = loss().item<double>();
  for (int step = 0; step < 20; ++step) {
    optimizer.zero_grad();
    loss().backward();
    optimizer.step();
  }
  EXPECT_LT(loss().item<double>(), first);
}

}  // namespace
}  // namespace fanion::optim
