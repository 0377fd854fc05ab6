#include "fanion/optim/stacks.h"

#include <ATen/ops/zeros_like.h>

#include "certificates.h"
#include "fanion/norms/registry.h"
#include "zoo.h"

namespace fanion::optim {
namespace {

using namespace fanion::testing;

/// Steps, and what they point to.
struct Steps {
  std::vector<LmoSettings> settings;
  std::vector<NamedState> states;
  std::vector<MatrixStep> steps;
  Steps(std::vector<LmoSettings> given, const std::vector<at::Tensor>& W) : settings(std::move(given)) {
    states.reserve(W.size());
    for (std::size_t i = 0; i < W.size(); ++i) {
      const auto& own = settings[i % settings.size()];
      states.push_back(initial_state(W[i], own));
      steps.push_back({W[i], {}, &states.back(), &own, [i] { return std::to_string(i); }});
    }
  }
};

std::vector<std::vector<std::size_t>> places(const Steps& all) {
  std::vector<std::vector<std::size_t>> found;
  for (const auto& stack : stacks_of(all.steps)) {
    found.emplace_back();
    for (const auto* step : stack) found.back().push_back(static_cast<std::size_t>(step - all.steps.data()));
  }
  return found;
}

using Places = std::vector<std::vector<std::size_t>>;

TEST(Stacks, ShapesStridesAndDtypesSplitThem) {
  const auto a = random_normal(6, 4, 411), b = random_normal(6, 4, 412), wide = random_normal(4, 6, 413);
  const LmoSettings muon{norms::rule_from_name("muon"), {}};
  EXPECT_EQ(places({{muon}, {a, wide, b, wide.t(), a.to(at::kFloat), a.view({6, 2, 2})}}),
            (Places{{0, 2}, {1}, {3}, {4}, {5}}));
}

TEST(Stacks, NumbersOfTheOptionsDoNotSplitThemButWordsAndRulesDo) {
  std::vector<at::Tensor> W;
  for (uint64_t i = 0; i < 6; ++i) W.push_back(random_normal(6, 4, 414 + i));
  const auto muon = norms::rule_from_name("muon");
  EXPECT_EQ(places({{{muon, {.lr = 0.1}},
                     {muon, {.lr = 0.2, .momentum = 0.5}},
                     {norms::rule_from_name("muon"), {.weight_decay = 0}},
                     {norms::rule_from_name("neon"), {.lr = 0.1}},
                     {muon, {.nesterov = false}},
                     {muon, {.adjust_lr_fn = norms::AdjustLrFn::none}}},
                    W}),
            (Places{{0, 1, 2}, {3}, {4}, {5}}));
}

/// Every rule that has a batch form, and some that have none.
const std::vector<std::string> kRules = {"nsgd",
                                         "signum",
                                         "muon",
                                         "spectral",
                                         "neon",
                                         "neon:passes=1,oversample=0",
                                         "neon:svd=dense",
                                         "fanion:k=3",
                                         "f-muon:alpha=0.3",
                                         "f-fanion:k=2,alpha=1.5",
                                         "d-fanion:k=2",
                                         "d-fanion:k=0",
                                         "d-fanion:k=4",
                                         "d-fanion:k=2,residual=row_norm",
                                         "d-fanion:k=2,residual=col_norm",
                                         "d-fanion:k=2,residual=frobenius",
                                         "d-fanion:k=2,residual=clip",
                                         "d-fanion:k=2,residual=newton_schulz",
                                         "dion:k=2",
                                         "0.3*neon + 0.5*fanion:k=2 + 0.2*signum",
                                         "rms_to_rms",
                                         "schatten:p=3",
                                         "sgd:lambd=2",
                                         "kernel-neon",
                                         "f-star-neon:form=sum"};

/// Some steps of a stack beside steps of each matrix.
void expect_steps_of_the_matrices(const std::string& text, at::ScalarType dtype, at::IntArrayRef shape,
                                  const LmoStepOptions& options, double tol) {
  SCOPED_TRACE(text + " " + c10::toString(dtype));
  const auto rule = norms::rule_from_name(text);
  auto first = options, second = options, third = options;
  first.lr = 0.1, second.lr = 0.02, second.momentum = 0.5, third.lr = 0.3, third.weight_decay = 0.5;
  const std::vector<LmoSettings> settings = {{rule, first}, {rule, second}, {rule, third}};
  const auto random = [&](uint64_t seed) {
    return random_normal(shape[0], c10::multiply_integers(shape.slice(1)), seed).reshape(shape).to(dtype);
  };
  std::vector<at::Tensor> W, twin;
  for (uint64_t i = 0; i < 4; ++i) W.push_back(random(421 + i)), twin.push_back(W[i].clone());
  Steps together(settings, W), alone(settings, twin);
  for (uint64_t step = 0; step < 3; ++step) {
    for (std::size_t i = 0; i < W.size(); ++i)
      together.steps[i].grad = alone.steps[i].grad = i == 3 ? at::zeros_like(W[i]) : random(430 + 10 * step + i);
    const auto stacks = stacks_of(together.steps);
    ASSERT_EQ(stacks.size(), 1);
    step_stack(stacks[0]);
    for (const auto& one : alone.steps) step_parameter(one);
    for (std::size_t i = 0; i < W.size(); ++i) {
      EXPECT_LE(relative_error(W[i], twin[i]), tol) << "matrix " << i << " step " << step;
      EXPECT_LE(relative_error(together.states[i][0].second, alone.states[i][0].second), tol);
    }
  }
}

TEST(Stacks, StepAsTheirMatricesDo) {
  for (const auto& text : kRules)
    for (const auto& shape : {std::vector<int64_t>{9, 6}, {6, 9}, {6, 2, 2, 2}})
      // Rounding of float64 (2e-16), amplified up to 1e5 times by gaps of singular values in three steps.
      expect_steps_of_the_matrices(text, at::kDouble, shape, {}, 1e-11);
}

TEST(Stacks, TakeEveryOption) {
  for (const std::string text : {"muon", "neon", "d-fanion:k=2"}) {
    expect_steps_of_the_matrices(text, at::kDouble, {9, 6}, {.nesterov = false, .transposed = true}, 1e-11);
    expect_steps_of_the_matrices(text, at::kDouble, {9, 6}, {.normalize_weights = true}, 1e-11);
    for (const auto adapt : {Adapt::neuron, Adapt::element})
      expect_steps_of_the_matrices(text, at::kDouble, {9, 6}, {.adapt = adapt}, 1e-9);  // of noise, where g is zero
    for (const auto method : {WeightDecayMethod::cautious, WeightDecayMethod::independent})
      expect_steps_of_the_matrices(text, at::kDouble, {9, 6}, {.weight_decay_method = method}, 1e-11);
    for (const bool nesterov : {true, false})
      expect_steps_of_the_matrices(text, at::kDouble, {9, 6}, {.nesterov = nesterov, .cosmos_rank = 2}, 1e-9);
    expect_steps_of_the_matrices(text, at::kFloat, {9, 6}, {.momentum_dtype = MomentumDtype::bfloat16}, 1e-3);
    if (text != "muon")
      for (const bool nesterov : {true, false})
        expect_steps_of_the_matrices(text, at::kDouble, {9, 6}, {.nesterov = nesterov, .error_feedback = true}, 1e-11);
    // Two roundings of 2⁻⁹ a step, on either side.
    expect_steps_of_the_matrices(text, at::kBFloat16, {9, 6}, {}, 3 * 0x1p-7);
  }
}

TEST(Stacks, FeedBackWhatRulesWithoutABatchedFormHaveCaptured) {
  for (const std::string text : {"fanion:k=2,svd=lanczos", "0.5*neon:svd=lanczos + 0.5*signum"})
    expect_steps_of_the_matrices(text, at::kDouble, {9, 6}, {.error_feedback = true}, 1e-11);
}

}  // namespace
}  // namespace fanion::optim
