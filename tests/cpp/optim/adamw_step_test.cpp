#include "fanion/optim/adamw_step.h"

#include <ATen/ops/sqrt.h>
#include <ATen/ops/zeros.h>

#include "certificates.h"
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

TEST(AdamwStep, FollowsItsFormula) {
  for (const auto dtype : {at::kDouble, at::kFloat})
    for (const AdamWOptions& options :
         {AdamWOptions{}, AdamWOptions{.lr = 0.1, .beta1 = 0.5, .beta2 = 0.9, .eps = 1e-3},
          AdamWOptions{.lr = 0.1, .beta1 = 0, .weight_decay = 0}}) {
      std::vector<at::Tensor> W = {random_normal(5, 4, 171).to(dtype), random_normal(1, 7, 172).to(dtype)[0]}, m, v, t;
      std::vector<AdamWReference> exact;
      for (const auto& w : W) {
        auto state = initial_adamw_state(w);
        m.push_back(state.exp_avg), v.push_back(state.exp_avg_sq), t.push_back(state.step);
        const auto zero = at::zeros(w.sizes(), at::kDouble);
        exact.push_back({w.to(at::kDouble, /*non_blocking=*/false, /*copy=*/true), zero, zero});
      }
      for (uint64_t step = 0; step < 4; ++step) {
        const std::vector<at::Tensor> g = {random_normal(5, 4, 173 + 2 * step).to(dtype),
                                           random_normal(1, 7, 174 + 2 * step).to(dtype)[0]};
        EXPECT_EQ(adamw_step_(W, g, m, v, t, options), 0);
        for (std::size_t i = 0; i < 2; ++i) {
          exact[i].advance(g[i], options);
          const double tol = 50 * working_eps(dtype);  // four steps of about ten roundings
          EXPECT_LE(relative_error(W[i], exact[i].W), tol);
          EXPECT_LE(relative_error(m[i], exact[i].m), tol);
          EXPECT_LE(relative_error(v[i], exact[i].v), tol);
          EXPECT_EQ(t[i].item<double>(), static_cast<double>(step + 1));
        }
      }
    }
}

/// One parameter, its state, and a copy of all of it.
struct AdamWCase {
  at::Tensor W = random_normal(5, 4, 181), g = random_normal(5, 4, 182);
  AdamWState state = initial_adamw_state(W);
  at::Tensor before = W.clone();
  int64_t step(const AdamWOptions& options, const std::vector<std::string>& names = {}) {
    return adamw_step_(W, g, state.exp_avg, state.exp_avg_sq, state.step, options, names);
  }
  bool unchanged() const {
    return same_bits(W, before) && frobenius_norm(state.exp_avg) == 0 && frobenius_norm(state.exp_avg_sq) == 0 &&
           state.step.item<double>() == 0;
  }
};

TEST(AdamwStep, ANanChangesNothing) {
  AdamWCase c;
  c.g[1][1] = std::nan("");
  EXPECT_VALUE_ERROR(c.step({}, {"head"}), "parameter 'head'");
  EXPECT_TRUE(c.unchanged());
  EXPECT_EQ(c.step({.nonfinite = NonfinitePolicy::skip}), 1);
  EXPECT_TRUE(c.unchanged());
  EXPECT_EQ(c.step({.nonfinite = NonfinitePolicy::ignore}), 0);
  EXPECT_FALSE(c.unchanged());
}

TEST(AdamwStep, BadInputThrowsBeforeAnythingChanges) {
  AdamWCase c;
  EXPECT_VALUE_ERROR(c.step({.lr = -1}), "lr = -1");
  EXPECT_VALUE_ERROR(c.step({.beta1 = 1}), "betas");
  EXPECT_VALUE_ERROR(c.step({.beta2 = -0.1}), "betas");
  EXPECT_VALUE_ERROR(c.step({.eps = -1}), "eps");
  EXPECT_VALUE_ERROR(c.step({.weight_decay = std::nan("")}), "weight_decay");
  EXPECT_VALUE_ERROR(c.step({}, {"a", "b"}), "2 names");
  EXPECT_VALUE_ERROR(adamw_step_(c.W, {}, c.state.exp_avg, c.state.exp_avg_sq, c.state.step, {}), "0 gradients");
  EXPECT_VALUE_ERROR(adamw_step_(c.W, c.g.t(), c.state.exp_avg, c.state.exp_avg_sq, c.state.step, {}), "[4, 5]");
  EXPECT_TRUE(c.unchanged());
}

}  // namespace
}  // namespace fanion::optim
