#include "fanion/optim/error_feedback.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/sign.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include "certificates.h"
#include "fanion/norms/registry.h"
#include "fanion/optim/lmo_optimizer.h"
#include "fanion/optim/matrix_view.h"
#include "fanion/optim/sweep_step.h"
#include "zoo.h"

namespace fanion::optim {
namespace {

using namespace fanion::testing;

/// A rule with the k of its low-rank part, and its direction by the oracle.
struct LowRankCase {
  std::string text;
  int64_t k;
  std::function<at::Tensor(const at::Tensor&)> lmo;
};
const std::vector<LowRankCase>& low_rank_cases() {
  using at::Tensor;
  const auto rest = [](const Tensor& M, int64_t k) {
    const auto svd = exact_svd(M);
    return M - at::matmul(svd.U.narrow(1, 0, k) * svd.S.narrow(0, 0, k), svd.V.narrow(1, 0, k).t());
  };
  static const std::vector<LowRankCase> cases = {
      {"neon:svd=dense", 1, [](const Tensor& M) { return -flattened_top(M, 1); }},
      {"fanion:k=3,svd=dense", 3, [](const Tensor& M) { return -flattened_top(M, 3); }},
      {"f-neon:alpha=0.3,svd=dense", 1,
       [](const Tensor& M) { return -0.3 * flattened_top(M, 1) - 0.7 * M / frobenius_norm(M); }},
      {"f-fanion:k=2,alpha=1.3,svd=dense", 2,
       [](const Tensor& M) { return -1.3 * flattened_top(M, 2) + 0.3 * M / frobenius_norm(M); }},
      {"s-fanion:k=2,svd=dense", 2,
       [](const Tensor& M) {
         return -0.5 * flattened_top(M, 2) - 0.5 * std::sqrt(2.0 / static_cast<double>(M.numel())) * at::sign(M);
       }},
      {"d-fanion:k=2,svd=dense,residual=frobenius", 2,
       [rest](const Tensor& M) {
         const auto R = rest(M, 2);
         const auto smaller = static_cast<double>(std::min(M.size(0), M.size(1)));
         return -flattened_top(M, 2) - std::sqrt(smaller - 2) / frobenius_norm(R) * R;
       }},
  };
  return cases;
}

struct FeedbackOptions {
  bool nesterov, ema;
};

/// The step with error feedback in float64, as docs/conventions.md writes it, of matrices of any shape.
void feedback_reference(at::Tensor& W, at::Tensor& B, const at::Tensor& g, const LowRankCase& rule,
                        const FeedbackOptions& o) {
  const double mu = 0.9, lr = 0.05, decay = 0.2, weight = o.ema ? 1 - mu : 1;
  const auto matrix = [](const at::Tensor& X) { return X.reshape({X.size(0), -1}); };
  B = B + weight * g;
  const auto M = matrix(o.nesterov ? weight * g + mu * B : B);
  const auto U = exact_svd(M.contiguous()).U.narrow(1, 0, rule.k);
  W = (1 - lr * decay) * W + lr * rule.lmo(M.contiguous()).view(W.sizes());
  B = (matrix(B) - (1 - mu) * at::matmul(U, at::matmul(U.t(), matrix(B)))).view(B.sizes());
}

LmoStepOptions feedback_step(const FeedbackOptions& o) {
  return {.lr = 0.05,
          .momentum = 0.9,
          .nesterov = o.nesterov,
          .momentum_kind = o.ema ? MomentumKind::ema : MomentumKind::sum,
          .weight_decay = 0.2,
          .adjust_lr_fn = norms::AdjustLrFn::none,
          .error_feedback = true};
}

const std::vector<FeedbackOptions> kEveryMomentum = {{true, true}, {true, false}, {false, true}, {false, false}};

TEST(ErrorFeedback, IsTheReferencesStep) {
  for (const auto& rule : low_rank_cases())
    for (const auto& o : kEveryMomentum)
      for (const auto& shape : std::vector<std::vector<int64_t>>{{9, 6}, {6, 9}, {6, 3, 2, 2}})
        for (const bool transposed : {false, true}) {
          if (transposed && shape.size() > 2) continue;
          SCOPED_TRACE(c10::str(rule.text, " ", shape, o.nesterov ? " nesterov" : "", o.ema ? " ema" : " sum"));
          auto options = feedback_step(o);
          options.transposed = transposed;
          const LmoSettings settings{norms::rule_from_name(rule.text), options};
          const auto stored = [&](const at::Tensor& X) { return transposed ? X.t().contiguous() : X.clone(); };
          const auto random = [&](uint64_t seed) {
            return random_normal(shape[0], c10::multiply_integers(shape) / shape[0], seed).view(shape);
          };
          auto W = random(901), B = at::zeros_like(W);
          const auto own = stored(W);
          const auto state = initial_state(own, settings);
          for (uint64_t step = 0; step < 4; ++step) {
            const auto g = random(902 + step);
            feedback_reference(W, B, g, rule, o);
            step_({{own, stored(g), state}}, {settings});
            // Rounding of float64, amplified by gaps of singular values through four steps.
            EXPECT_LE(relative_error(own, stored(W)), 1e-11) << "step " << step;
            EXPECT_LE(relative_error(state[0].second, stored(B)), 1e-11) << "step " << step;
          }
        }
}

TEST(ErrorFeedback, WhatLiesOutsideMemoryOrderIsTheSame) {
  const auto& rule = low_rank_cases()[1];
  const LmoSettings settings{norms::rule_from_name(rule.text), feedback_step({true, false})};
  auto W = random_normal(6, 12, 911).view({6, 3, 2, 2}), B = at::zeros_like(W);
  const auto own = W.contiguous(at::MemoryFormat::ChannelsLast).clone();
  const auto state = initial_state(own, settings);
  for (uint64_t step = 0; step < 3; ++step) {
    const auto g = random_normal(6, 12, 912 + step).view({6, 3, 2, 2});
    feedback_reference(W, B, g, rule, {true, false});
    step_({{own, g.contiguous(at::MemoryFormat::ChannelsLast), state}}, {settings});
    EXPECT_LE(relative_error(own, W), 1e-11);
    EXPECT_LE(relative_error(state[0].second, B), 1e-11);
  }
}

TEST(ErrorFeedback, WhereAllIsCapturedItIsTheMomentum) {
  for (const auto& o : kEveryMomentum) {
    auto plain = feedback_step(o);
    plain.error_feedback = false;
    const auto rule = norms::rule_from_name("ky_fan_dual:k=6,svd=dense");
    const auto W = random_normal(6, 9, 921), twin = W.clone();  // U is 6 × 6
    const LmoSettings with{rule, feedback_step(o)}, without{rule, plain};
    const auto state = initial_state(W, with), other = initial_state(twin, without);
    for (uint64_t step = 0; step < 4; ++step) {
      const auto g = random_normal(6, 9, 922 + step);
      step_({{W, g, state}}, {with});
      step_({{twin, g, other}}, {without});
      EXPECT_LE(relative_error(W, twin), 1e-11) << step;
      // B is decayed at the end of a step instead of at the start of the next.
      EXPECT_LE(relative_error(state[0].second, 0.9 * other[0].second), 1e-11) << step;
    }
  }
}

/// A gradient that stays: what is left out of one step is stepped along in a later one, where without feedback it never
/// is.
TEST(ErrorFeedback, WhatIsLeftOutComesLater) {
  const auto g = at::eye(4, at::kDouble) * at::tensor({4.0, 3.0, 2.0, 1.0}, at::kDouble);
  const auto moved = [&](bool feedback) {
    auto options = feedback_step({false, false});
    options.error_feedback = feedback, options.momentum = 0.5, options.weight_decay = 0;
    const LmoSettings settings{norms::rule_from_name("neon:svd=dense"), options};
    const auto W = at::zeros({4, 4}, at::kDouble);
    const auto state = initial_state(W, settings);
    for (int step = 0; step < 100; ++step) step_({{W, g, state}}, {settings});
    return W.diagonal().abs().min().item<double>();
  };
  EXPECT_LE(moved(false), 1e-12);
  EXPECT_GT(moved(true), 0.1);
}

TEST(ErrorFeedback, SweepsFeedBackWhatTheDirectionDoes) {
  for (const std::string text :
       {"neon:passes=1", "fanion:k=3", "f-neon", "f-fanion:k=2,alpha=1.3", "s-fanion:k=3", "d-fanion:k=3"})
    for (const auto& o : kEveryMomentum) {
      const auto shape = o.ema ? std::pair(40, 60) : std::pair(133, 33);
      SCOPED_TRACE(c10::str(text, o.nesterov ? " nesterov" : "", o.ema ? " ema" : " sum"));
      const auto rule = norms::rule_from_name(text);
      const MomentumOptions momentum{0.8, o.nesterov, o.ema ? MomentumKind::ema : MomentumKind::sum, true};
      const auto random = [&](uint64_t seed) { return random_normal(shape.first, shape.second, seed).to(at::kFloat); };
      const auto W = random(931), twin = W.clone();
      const LmoSettings settings{rule, {}};
      const auto state = initial_state(W, settings);
      auto B = state[0].second, warm = state[1].second, other = B.clone(), other_warm = warm.clone();
      for (uint64_t step = 0; step < 3; ++step) {
        const auto before = W.clone(), g = random(932) + 0.1 * random(933 + step);
        ASSERT_TRUE(sweep_step_(W, g, B, &warm, *rule, momentum, 0.1, 0.99));
        const auto M = update_momentum_(other, g, momentum);
        const auto D = rule->direction(M, &other_warm);
        auto matrix = matrix_view(twin);
        norms::apply_(matrix, D, 0.1, 0.99);
        feed_back_(other, *norms::capturing_term(D), !o.nesterov, 0.8);
        EXPECT_LE(relative_error(B, other), 1e-4) << "step " << step;  // triplets of one pass to rounding of float32
        EXPECT_LE(frobenius_norm(W - twin) / frobenius_norm(twin - before), 1e-2) << "step " << step;  // signs near 0
        twin.copy_(W), other.copy_(B), other_warm.copy_(warm);
      }
    }
}

TEST(ErrorFeedback, NarrowMomentaAreWithinTheirRounding) {
  for (const auto& o : kEveryMomentum) {
    auto narrow = feedback_step(o);
    narrow.momentum_dtype = MomentumDtype::bfloat16;
    const auto rule = norms::rule_from_name("fanion:k=2,svd=dense");
    const auto W = random_normal(9, 6, 951).to(at::kFloat), twin = W.clone();
    const LmoSettings with{rule, narrow}, exact{rule, feedback_step(o)};
    const auto state = initial_state(W, with), other = initial_state(twin, exact);
    const auto g = random_normal(9, 6, 952).to(at::kFloat);
    step_({{W, g, state}}, {with});
    step_({{twin, g, other}}, {exact});
    // Two roundings to 8 bits, each up or down by at most one in the last.
    EXPECT_LE(relative_error(state[0].second, other[0].second), 3 * 0x1p-8);
    EXPECT_GT(relative_error(state[0].second, other[0].second), 0);
  }
}

TEST(ErrorFeedback, OfWhatTheDirectionWasBeforeItWasAdapted) {
  for (const auto adapt : {Adapt::neuron, Adapt::element})
    for (const auto& o : kEveryMomentum)
      for (const std::string text : {"neon:svd=dense", "f-neon:svd=dense"}) {
        auto adapted = feedback_step(o);
        adapted.adapt = adapt;
        const auto rule = norms::rule_from_name(text);
        const auto W = random_normal(9, 6, 991), twin = W.clone();
        const LmoSettings with{rule, adapted}, without{rule, feedback_step(o)};
        const auto state = initial_state(W, with), other = initial_state(twin, without);
        for (uint64_t step = 0; step < 3; ++step) {
          const auto g = random_normal(9, 6, 992 + step);
          step_({{W, g, state}}, {with});
          step_({{twin, g, other}}, {without});
          EXPECT_TRUE(same_bits(state[0].second, other[0].second)) << text << " " << step;
        }
        EXPECT_GT(relative_error(W, twin), 1e-3) << text;
      }
}

TEST(ErrorFeedback, ZeroStaysZero) {
  for (const auto& rule : low_rank_cases()) {
    const LmoSettings settings{norms::rule_from_name(rule.text), feedback_step({true, true})};
    const auto W = at::zeros({9, 6}, at::kFloat);
    const auto state = initial_state(W, settings);
    step_({{W, at::zeros_like(W), state}}, {settings});
    EXPECT_EQ(frobenius_norm(W), 0) << rule.text;
    EXPECT_EQ(frobenius_norm(state[0].second), 0) << rule.text;
  }
}

TEST(ErrorFeedback, GradientsOfAnyScale) {
  for (const auto& o : kEveryMomentum)
    for (const std::string text : {"fanion:k=3", "f-neon", "d-fanion:k=2", "fanion:k=3,svd=dense"}) {
      const LmoSettings settings{norms::rule_from_name(text), feedback_step(o)};
      const auto stepped = [&](double scale) {
        const auto W = random_normal(30, 20, 961).to(at::kFloat);
        const auto state = initial_state(W, settings);
        for (uint64_t step = 0; step < 3; ++step)
          step_({{W, (random_normal(30, 20, 962 + step).clamp(-2, 2) * scale).to(at::kFloat), state}}, {settings});
        return std::pair(W, state[0].second / scale);
      };
      const auto [W, B] = stepped(1);
      for (const double scale : {0x1p-90, 0x1p+90, 0x1p+125}) {
        const auto [other, momentum] = stepped(scale);
        EXPECT_LE(relative_error(other, W), 1e-3) << text << " " << scale;
        EXPECT_LE(relative_error(momentum, B), 1e-3) << text << " " << scale;
      }
    }
}

TEST(ErrorFeedback, RefusesRulesWithoutOneLowRankPart) {
  const auto W = random_normal(9, 6, 971), before = W.clone();
  for (const auto& [text, has] :
       std::vector<std::pair<std::string, std::string>>{{"muon", "has none"},
                                                        {"nsgd", "has none"},
                                                        {"signum", "has none"},
                                                        {"d-fanion:k=0", "has none"},
                                                        {"f-neon:alpha=0", "has none"},
                                                        {"schatten:p=3", "has none"},
                                                        {"0.5*neon + 0.5*fanion:k=2", "has 2"},
                                                        {"spectral + neon", "has 2"}}) {
    const LmoSettings settings{norms::rule_from_name(text), {.error_feedback = true}};
    EXPECT_VALUE_ERROR(check_settings(settings), has + "; such are neon, fanion, ");
    EXPECT_VALUE_ERROR(LmoOptimizer({W}, settings), "error_feedback needs a rule with one low-rank part");
    EXPECT_VALUE_ERROR(step_({{W, W, initial_state(W, settings)}}, {settings}), has);
  }
  EXPECT_TRUE(same_bits(W, before));
}

TEST(ErrorFeedback, TakesRulesWithOneLowRankPart) {
  for (const std::string text :
       {"neon", "nuclear", "fanion:k=2", "ky_fan_dual:k=2", "f-neon", "f-fanion:k=2", "spectral", "s-fanion:k=2",
        "d-fanion:k=2", "d-fanion:k=1,residual=clip", "rms_to_rms", "dion:k=2", "fanion:rank_fraction=0.3",
        "d-fanion:k=2,residual=newton_schulz", "kernel-neon", "f-star-neon", "f_star_sum",
        "0.5*neon + 0.3*nsgd + 0.2*signum", "-1*neon + 2*nsgd"}) {
    const LmoSettings settings{norms::rule_from_name(text), {.error_feedback = true}};
    EXPECT_NO_THROW(check_settings(settings)) << text;
    const auto W = random_normal(9, 6, 981);
    const auto state = initial_state(W, settings);
    step_({{W, random_normal(9, 6, 982), state}}, {settings});
    EXPECT_LT(frobenius_norm(state[0].second), 0.05 * frobenius_norm(random_normal(9, 6, 982))) << text;
  }
}

}  // namespace
}  // namespace fanion::optim
