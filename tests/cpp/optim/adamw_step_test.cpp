#include <ATen/ops/ones_like.h>
#include <ATen/ops/sqrt.h>
#include <ATen/ops/zeros.h>

#include "certificates.h"
#include "fanion/optim/step.h"
#include "zoo.h"

namespace fanion::optim {
namespace {

using namespace fanion::testing;

/// Loshchilov & Hutter 2017, Algorithm 2, one step in float64.
struct AdamWReference {
  at::Tensor W, m, v;
  int step = 0;
  void advance(const at::Tensor& gradient, const AdamWOptions& o) {
    const auto g = gradient.to(at::kDouble);
    ++step;
    m = o.beta1 * m + (1 - o.beta1) * g;
    v = o.beta2 * v + (1 - o.beta2) * g * g;
    const auto m_hat = m / (1 - std::pow(o.beta1, step)), v_hat = v / (1 - std::pow(o.beta2, step));
    W = (1 - o.lr * o.weight_decay) * W - o.lr * m_hat / (at::sqrt(v_hat) + o.eps);
  }
};

/// Steps of one group.
struct Stepper {
  std::vector<at::Tensor> W;
  AdamWOptions options;
  std::vector<NamedState> state = {};
  int64_t step(const std::vector<at::Tensor>& g) {
    std::vector<StepEntry> entries;
    for (std::size_t i = 0; i < W.size(); ++i) {
      if (state.size() <= i) state.push_back(initial_state(W[i], options));
      entries.push_back({W[i], g[i], state[i], 0, i});
    }
    return step_(entries, {options});
  }
};

const std::vector<AdamWOptions>& option_cases() {
  static const std::vector<AdamWOptions> cases = {
      {}, {.lr = 0.1, .beta1 = 0.5, .beta2 = 0.9, .eps = 1e-3}, {.lr = 0.1, .beta1 = 0, .weight_decay = 0}};
  return cases;
}

/// Four steps of a matrix and a vector beside the formula; `laid_out` gives parameters and gradients their layout.
void expect_formula(at::ScalarType dtype, const AdamWOptions& options,
                    const std::function<at::Tensor(const at::Tensor&)>& laid_out, bool gradients_too) {
  const auto random = [&](uint64_t seed) {
    return std::vector<at::Tensor>{random_normal(5, 4, seed).to(dtype), random_normal(1, 7, seed + 1).to(dtype)[0]};
  };
  auto start = random(171);
  Stepper stepper{{laid_out(start[0]), start[1]}, options};
  std::vector<AdamWReference> exact;
  for (const auto& w : start) {
    const auto zero = at::zeros(w.sizes(), at::kDouble);
    exact.push_back({w.to(at::kDouble, /*non_blocking=*/false, /*copy=*/true), zero, zero});
  }
  for (uint64_t step = 0; step < 4; ++step) {
    auto g = random(173 + 2 * step);
    if (gradients_too) g[0] = laid_out(g[0]);
    EXPECT_EQ(stepper.step(g), 0);
    for (std::size_t i = 0; i < 2; ++i) {
      exact[i].advance(g[i], options);
      const double tol = 50 * working_eps(dtype);  // four steps of about ten roundings
      EXPECT_LE(relative_error(stepper.W[i], exact[i].W), tol);
      EXPECT_LE(relative_error(stepper.state[i][0].second, exact[i].m), tol);
      EXPECT_LE(relative_error(stepper.state[i][1].second, exact[i].v), tol);
      EXPECT_EQ(stepper.state[i][2].second.item<double>(), static_cast<double>(step + 1));
    }
  }
}

TEST(AdamwStep, FollowsItsFormula) {
  for (const auto dtype : {at::kDouble, at::kFloat})
    for (const auto& options : option_cases())
      expect_formula(dtype, options, [](const at::Tensor& x) { return x.clone(); }, true);
}

TEST(AdamwStep, FollowsItsFormulaInEveryLayout) {
  const auto transposed = [](const at::Tensor& x) { return x.t().contiguous().t(); };
  const auto strided = [](const at::Tensor& x) {
    return at::zeros({x.size(0), 2 * x.size(1)}, x.options()).slice(1, 0, std::nullopt, 2).copy_(x);
  };
  for (const bool gradients_too : {true, false})
    for (const auto& options : option_cases()) {
      expect_formula(at::kDouble, options, transposed, gradients_too);
      expect_formula(at::kFloat, options, strided, gradients_too);
    }
}

TEST(AdamwStep, NothingIsWrittenBetweenTheEntriesOfAView) {
  const auto whole = random_normal(5, 8, 183), before = whole.clone();
  Stepper stepper{{whole.slice(1, 0, std::nullopt, 2)}, {.lr = 0.1}};
  stepper.step({random_normal(5, 4, 184)});
  EXPECT_TRUE(
      same_bits(whole.slice(1, 1, std::nullopt, 2).contiguous(), before.slice(1, 1, std::nullopt, 2).contiguous()));
  EXPECT_FALSE(same_bits(whole, before));
}

/// One parameter, its state, and a copy of all of it.
struct AdamWCase {
  at::Tensor W = random_normal(5, 4, 181), g = random_normal(5, 4, 182);
  NamedState state = initial_state(W, AdamWOptions{});
  at::Tensor before = W.clone();
  int64_t step(const AdamWOptions& options, const std::string& name = "") {
    return step_({{W, g, state, 0, 0, name}}, {options});
  }
  bool unchanged() const {
    return same_bits(W, before) && frobenius_norm(state[0].second) == 0 && frobenius_norm(state[1].second) == 0 &&
           state[2].second.item<double>() == 0;
  }
};

TEST(AdamwStep, ANanChangesNothing) {
  AdamWCase c;
  c.g[1][1] = std::nan("");
  EXPECT_VALUE_ERROR(c.step({}, "head"), "parameter 'head'");
  EXPECT_TRUE(c.unchanged());
  EXPECT_EQ(c.step({.nonfinite = NonfinitePolicy::skip}), 1);
  EXPECT_TRUE(c.unchanged());
  EXPECT_EQ(c.step({.nonfinite = NonfinitePolicy::ignore}), 0);
  EXPECT_FALSE(c.unchanged());
}

TEST(AdamwStep, BadInputThrowsBeforeAnythingChanges) {
  AdamWCase c;
  EXPECT_VALUE_ERROR(c.step({.lr = -1}), "lr = -1");
  EXPECT_VALUE_ERROR(c.step({.beta1 = 1}), "beta1 = 1");
  EXPECT_VALUE_ERROR(c.step({.beta2 = -0.1}), "beta2 = -0.1");
  EXPECT_VALUE_ERROR(c.step({.eps = -1}), "eps");
  EXPECT_VALUE_ERROR(c.step({.weight_decay = std::nan("")}), "weight_decay");
  const auto state = c.state;
  EXPECT_VALUE_ERROR(step_({{c.W, c.g.t(), state}}, {AdamWOptions{}}), "[4, 5]");
  auto narrow = state;
  narrow[1].second = narrow[1].second.to(at::kFloat);
  EXPECT_VALUE_ERROR(step_({{c.W, c.g, narrow, 0, 0, "head"}}, {AdamWOptions{}}),
                     "parameter 'head': its exp_avg_sq is Float[5, 4] on cpu, needed is Double[5, 4]");
  auto small = state;
  small[0].second = small[0].second[0];
  EXPECT_VALUE_ERROR(step_({{c.W, c.g, small}}, {AdamWOptions{}}), "its exp_avg is Double[4]");
  EXPECT_TRUE(c.unchanged());
}

TEST(AdamwStep, ParametersOfSeveralDtypesAndNoneAtAllStep) {
  Stepper stepper{{random_normal(5, 4, 185), random_normal(3, 4, 186).to(at::kFloat), at::zeros({0, 3}, at::kFloat),
                   random_normal(3, 4, 187).to(at::kBFloat16)},
                  {.lr = 0.1}};
  std::vector<at::Tensor> before, g;
  for (const auto& w : stepper.W) before.push_back(w.clone()), g.push_back(at::ones_like(w));
  stepper.step(g);
  for (const std::size_t i : {0, 1, 3}) EXPECT_FALSE(same_bits(stepper.W[i], before[i])) << i;
}

}  // namespace
}  // namespace fanion::optim
