#include "fanion/optim/lmo_step.h"

#include <ATen/ops/sign.h>
#include <ATen/ops/zeros.h>

#include "certificates.h"
#include "fanion/norms/registry.h"
#include "optim/stepping.h"
#include "zoo.h"

namespace fanion::optim {
namespace {

using namespace fanion::testing;
using norms::AdjustLrFn;

double reference_scale(AdjustLrFn scale, double rows, double columns, double frobenius) {
  switch (scale) {
    case AdjustLrFn::original: return rows > columns ? std::sqrt(rows / columns) : 1;
    case AdjustLrFn::match_rms_adamw: return 0.2 * std::sqrt(rows * columns) / frobenius;
    case AdjustLrFn::rms_to_rms: return std::sqrt(rows / columns);
    case AdjustLrFn::none: return 1;
  }
  return 0;
}

/// Rules whose direction is a continuous function of M on random matrices, with the direction by the oracle.
struct RuleCase {
  std::string text;
  std::function<at::Tensor(const at::Tensor&)> lmo;
  std::function<double(double, double)> frobenius = [](double, double) { return 1; };  ///< nominal, of rows × columns
};
const std::vector<RuleCase>& rule_cases() {
  using at::Tensor;
  const auto flat = [](double rows, double columns) { return std::sqrt(std::min(rows, columns)); };
  static const std::vector<RuleCase> cases = {
      {"spectral", [](const Tensor& M) { return -flattened_top(M, std::min(M.size(0), M.size(1))); }, flat},
      {"muon", [](const Tensor& M) { return -newton_schulz_reference(M, {3.4445, -4.7750, 2.0315}, 5); }, flat},
      {"nuclear:svd=dense", [](const Tensor& M) { return -flattened_top(M, 1); }},
      {"fanion:k=3,svd=dense", [](const Tensor& M) { return -flattened_top(M, 3); },
       [](double, double) { return std::sqrt(3); }},
      {"nsgd", [](const Tensor& M) { return -M / frobenius_norm(M); }},
      {"signum", [](const Tensor& M) { return -at::sign(M); },
       [](double rows, double columns) { return std::sqrt(rows * columns); }},
      {"f-neon:alpha=0.3,svd=dense",
       [](const Tensor& M) { return -0.3 * flattened_top(M, 1) - 0.7 * M / frobenius_norm(M); }},
  };
  return cases;
}

LmoStepOptions options_of(const ReferenceStep& r, AdjustLrFn scale) {
  return {.lr = r.lr,
          .momentum = r.momentum,
          .nesterov = r.nesterov,
          .momentum_kind = r.ema ? MomentumKind::ema : MomentumKind::sum,
          .weight_decay = r.weight_decay,
          .adjust_lr_fn = scale};
}

/// Three steps of one parameter beside the reference; `laid_out` gives every tensor the layout under test.
void expect_reference_steps(const RuleCase& rule_case, const ReferenceStep& reference, AdjustLrFn scale,
                            const std::function<at::Tensor(const at::Tensor&)>& laid_out, at::IntArrayRef shape,
                            double tol) {
  const auto rule = norms::rule_from_name(rule_case.text);
  const auto random = [&](uint64_t seed) {
    const int64_t rows = shape[0], columns = c10::multiply_integers(shape) / rows;
    return random_normal(rows, columns, seed).reshape(shape);
  };
  auto W = laid_out(random(141));
  auto state = initial_lmo_state(W, rule);
  ParameterAndMomentum exact{W.to(at::kDouble), state.momentum_buffer.to(at::kDouble)};
  for (uint64_t step = 0; step < 3; ++step) {
    const auto g = laid_out(random(142 + step));
    exact = lmo_step_reference(exact.W, g, exact.B, reference);
    EXPECT_EQ(lmo_step_(W, g, state.momentum_buffer, state.warm_start, rule, options_of(reference, scale)), 0);
    EXPECT_LE(relative_error(W, exact.W), tol) << "step " << step;
    EXPECT_LE(relative_error(state.momentum_buffer, exact.B), tol) << "step " << step;
  }
}

ReferenceStep reference_step(const RuleCase& rule_case, AdjustLrFn scale) {
  return {.lr = 0.05,
          .momentum = 0.9,
          .weight_decay = 0.2,
          .nesterov = true,
          .ema = true,
          .scale = [scale, frobenius = rule_case.frobenius](
                       double rows,
                       double columns) { return reference_scale(scale, rows, columns, frobenius(rows, columns)); },
          .lmo = rule_case.lmo};
}

at::Tensor as_it_is(const at::Tensor& x) { return x; }

// Rounding of float64 (2e-16) through three steps; singular gaps of the random momenta amplify it up to 1e3 times.
constexpr double kStepTolerance = 1e-12;

TEST(LmoStep, AgreesWithTheReferenceInEveryForm) {
  for (const auto& rule_case : rule_cases())
    for (const bool ema : {true, false})
      for (const bool nesterov : {true, false})
        for (const double decay : {0.0, 0.2})
          for (const auto scale :
               {AdjustLrFn::original, AdjustLrFn::match_rms_adamw, AdjustLrFn::rms_to_rms, AdjustLrFn::none})
            for (const auto& shape : {std::array<int64_t, 2>{9, 6}, std::array<int64_t, 2>{6, 9}}) {
              SCOPED_TRACE(rule_case.text + (ema ? " ema" : " sum") + (nesterov ? " nesterov " : " plain ") +
                           std::string(option_table::text_of(scale)) + " " + std::to_string(decay));
              auto reference = reference_step(rule_case, scale);
              reference.ema = ema, reference.nesterov = nesterov, reference.weight_decay = decay;
              expect_reference_steps(rule_case, reference, scale, as_it_is, shape, kStepTolerance);
            }
}

TEST(LmoStep, ConvolutionWeightsAreOutByTheRest) {
  for (const auto& rule_case : rule_cases()) {
    SCOPED_TRACE(rule_case.text);
    const auto reference = reference_step(rule_case, AdjustLrFn::rms_to_rms);
    const std::array<int64_t, 4> shape = {6, 3, 2, 2};
    expect_reference_steps(rule_case, reference, AdjustLrFn::rms_to_rms, as_it_is, shape, kStepTolerance);
    const auto channels_last = [](const at::Tensor& x) { return x.contiguous(at::MemoryFormat::ChannelsLast); };
    expect_reference_steps(rule_case, reference, AdjustLrFn::rms_to_rms, channels_last, shape, kStepTolerance);
  }
}

TEST(LmoStep, NonContiguousWeightsWork) {
  const auto transposed = [](const at::Tensor& x) { return x.t().contiguous().t(); };
  const auto strided = [](const at::Tensor& x) {
    auto larger = at::zeros({x.size(0), 2 * x.size(1)}, x.options());
    auto view = larger.slice(1, 0, std::nullopt, 2);
    return view.copy_(x);
  };
  for (const auto& rule_case : rule_cases()) {
    SCOPED_TRACE(rule_case.text);
    const auto reference = reference_step(rule_case, AdjustLrFn::original);
    expect_reference_steps(rule_case, reference, AdjustLrFn::original, transposed, {9, 6}, kStepTolerance);
    expect_reference_steps(rule_case, reference, AdjustLrFn::original, strided, {9, 6}, kStepTolerance);
  }
}

TEST(LmoStep, NarrowParametersKeepFloat32Momentum) {
  for (const auto& rule_case : rule_cases()) {
    SCOPED_TRACE(rule_case.text);
    const auto reference = reference_step(rule_case, AdjustLrFn::original);
    const auto float32 = [](const at::Tensor& x) { return x.to(at::kFloat); };
    const auto bfloat16 = [](const at::Tensor& x) { return x.to(at::kBFloat16); };
    expect_reference_steps(rule_case, reference, AdjustLrFn::original, float32, {9, 6}, 1e-4);  // 1e-12 · 5e8
    // Three roundings of W to 8 bits.
    expect_reference_steps(rule_case, reference, AdjustLrFn::original, bfloat16, {9, 6}, 3 * 0x1p-8);
    const auto W = random_normal(9, 6, 145).to(at::kBFloat16);
    EXPECT_EQ(initial_lmo_state(W, norms::rule_from_name(rule_case.text)).momentum_buffer.scalar_type(), at::kFloat);
  }
}

TEST(LmoStep, ParametersOfOneListDoNotMix) {
  const auto rule = norms::rule_from_name("neon");
  std::vector<at::Tensor> W, g, B, warm, expected;
  for (uint64_t i = 0; i < 3; ++i) {
    W.push_back(random_normal(9, 6 + static_cast<int64_t>(i), 146 + i)),
        g.push_back(random_normal(9, W[i].size(1), 149 + i));
    auto state = initial_lmo_state(W[i], rule);
    B.push_back(state.momentum_buffer), warm.push_back(state.warm_start);
    auto alone = W[i].clone(), alone_B = B[i].clone(), alone_warm = warm[i].clone();
    lmo_step_(alone, g[i], alone_B, alone_warm, rule, {});
    expected.push_back(alone);
  }
  lmo_step_(W, g, B, warm, rule, {});
  for (std::size_t i = 0; i < 3; ++i) EXPECT_TRUE(same_bits(W[i], expected[i])) << i;
}

TEST(LmoStep, WarmStartConvergesOverSteps) {
  const auto rule = norms::rule_from_name("neon");
  auto W = at::zeros({30, 20}, at::kDouble);
  const auto g = with_spectrum(30, 20, geometric(20, 0.8), 152);
  auto state = initial_lmo_state(W, rule);
  const auto first_warm = state.warm_start.clone();
  at::Tensor before;
  for (int step = 0; step < 40; ++step) {
    before = W.clone();
    lmo_step_(W, g, state.momentum_buffer, state.warm_start, rule,
              {.lr = 1, .weight_decay = 0, .adjust_lr_fn = AdjustLrFn::none});
  }
  EXPECT_FALSE(same_bits(state.warm_start, first_warm)) << "the warm start was not kept";
  // 80 passes at (0.8^5)² each are far below rounding.
  EXPECT_LE(relative_error(W - before, -flattened_top(g, 1)), 1e-12);
}

TEST(LmoStep, NormalizedWeightsAreTheStepsWeightsOnTheSphere) {
  for (const auto& rule_case : rule_cases())
    for (const auto dtype : {at::kDouble, at::kFloat, at::kBFloat16})
      for (const bool transposed : {false, true}) {
        SCOPED_TRACE(rule_case.text);
        const auto rule = norms::rule_from_name(rule_case.text);
        auto W = random_normal(9, 6, 153).to(dtype), plain = W.clone();
        const auto g = random_normal(9, 6, 154).to(dtype);
        LmoStepOptions options{.lr = 0.3, .transposed = transposed};
        step_({{plain, g, initial_state(plain, LmoSettings{rule, options})}}, {LmoSettings{rule, options}});
        options.normalize_weights = true;
        step_({{W, g, initial_state(W, LmoSettings{rule, options})}}, {LmoSettings{rule, options}});
        const double radius = std::sqrt(transposed ? 6.0 : 9.0), length = frobenius_norm(plain.to(at::kDouble));
        EXPECT_LE(relative_error(W, plain.to(at::kDouble) * (radius / length)),
                  2 * (dtype == at::kBFloat16 ? 0x1p-8 : working_eps(dtype)));
      }
}

TEST(LmoStep, NormalizedZeroStaysZero) {
  const auto rule = norms::rule_from_name("muon");
  auto W = at::zeros({4, 3}, at::kFloat);
  const LmoSettings settings{rule, {.normalize_weights = true}};
  step_({{W, at::zeros({4, 3}, at::kFloat), initial_state(W, settings)}}, {settings});
  EXPECT_TRUE(same_bits(W, at::zeros({4, 3}, at::kFloat)));
}

}  // namespace
}  // namespace fanion::optim
