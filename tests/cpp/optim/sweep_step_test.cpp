#include "fanion/optim/sweep_step.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros.h>

#include "certificates.h"
#include "fanion/norms/registry.h"
#include "fanion/optim/lmo_step.h"
#include "fanion/optim/matrix_view.h"
#include "optim/stepping.h"
#include "zoo.h"

namespace fanion::optim {
namespace {

using namespace fanion::testing;

at::Tensor normal(int64_t m, int64_t n, uint64_t seed) { return random_normal(m, n, seed).to(at::kFloat); }

/// Rules that take the sweeps, the last of them for any number of passes.
const std::vector<std::string> kSwept = {"nsgd",
                                         "signum",
                                         "scaled_max_entry",
                                         "neon:passes=1",
                                         "neon:passes=1,oversample=0",
                                         "fanion:k=3,passes=1",
                                         "fanion:k=8,passes=1,oversample=3",
                                         "f-neon:passes=1,oversample=0",
                                         "f-fanion:k=2,alpha=1.3,passes=1",
                                         "s-fanion:k=3,passes=1",
                                         "d-fanion:k=3,passes=1",
                                         "d-fanion:k=8,passes=1,oversample=2",
                                         "d-fanion:k=0",
                                         "0.3*nuclear:svd=subspace + 0.2*max_entry",
                                         "0*neon + 1*nsgd",
                                         "neon:passes=2",
                                         "d-fanion:k=4,passes=3"};

/// The step by way of M, written out, and a direction.
void plain_step(const at::Tensor& W, const at::Tensor& g, at::Tensor B, at::Tensor& warm,
                const norms::DirectionRule& rule, const MomentumOptions& momentum, double step, double keep) {
  auto matrix = matrix_view(W);
  const auto M = matrix_view(update_momentum_(B, g, momentum));
  norms::apply_(matrix, rule.direction(M, warm.numel() > 0 ? &warm : nullptr), step, keep);
}

/// ‖X − Y‖ over ‖Y − start‖, but for the thousandth of the entries that are furthest off: the signs of what is nearly
/// zero.
double off(const at::Tensor& X, const at::Tensor& Y, const at::Tensor& start) {
  auto apart = (X - Y).to(at::kDouble).abs().flatten();
  apart = std::get<0>(apart.sort()).narrow(0, 0, apart.numel() - (apart.numel() + 999) / 1000);
  return apart.norm().item<double>() / (Y - start).to(at::kDouble).norm().item<double>();
}

TEST(SweepStep, IsTheStepByWayOfTheDirection) {
  for (const auto& text : kSwept)
    for (const auto& shape : std::vector<std::vector<int64_t>>{{40, 60}, {133, 33}, {9, 3, 3, 3}})
      for (const auto& momentum : {MomentumOptions{}, MomentumOptions{.nesterov = false},
                                   MomentumOptions{.momentum = 0.5, .kind = MomentumKind::sum}}) {
        SCOPED_TRACE(c10::str(text, " ", shape, " ", momentum.nesterov, " ", momentum.momentum));
        const auto rule = norms::rule_from_name(text);
        const int64_t m = shape[0], n = c10::multiply_integers(shape) / m;
        const auto W = normal(m, n, 1).reshape(shape), plain = W.clone();
        const auto state = initial_lmo_state(W, rule), other = initial_lmo_state(W, rule);
        auto warm = state.warm_start, other_warm = other.warm_start;
        const auto base = random_normal(m, n, 7);  // gradients that resemble each other, as those of a training do
        for (uint64_t step = 0; step < 3; ++step) {
          const auto before = W.clone();
          const auto g = (base + 0.1 * random_normal(m, n, 8 + step)).to(at::kFloat).reshape(shape);
          ASSERT_TRUE(
              sweep_step_(W, g, state.momentum_buffer, warm.numel() > 0 ? &warm : nullptr, *rule, momentum, 0.1, 0.99));
          plain_step(plain, g, other.momentum_buffer, other_warm, *rule, momentum, 0.1, 0.99);
          EXPECT_TRUE(same_bits(state.momentum_buffer, other.momentum_buffer));
          EXPECT_LE(off(W, plain, before), 1e-3) << "step " << step;
          plain.copy_(W);
          other_warm.copy_(warm);
        }
      }
}

TEST(SweepStep, LeavesTheRestToTheDirection) {
  const auto W = normal(12, 20, 1), g = normal(12, 20, 2), B = at::zeros({12, 20}, at::kFloat);
  const auto takes = [&](const std::string& text, const at::Tensor& w, const at::Tensor& grad, const at::Tensor& b) {
    const auto rule = norms::rule_from_name(text);
    auto warm = initial_lmo_state(w, rule).warm_start;
    const std::vector<at::Tensor> before = {w.clone(), b.clone(), warm.clone()};
    const bool taken = sweep_step_(w, grad, b, &warm, *rule, {}, 0.1, 0.9);
    EXPECT_NE(taken, same_bits(w, before[0]) && same_bits(b, before[1]) && same_bits(warm, before[2])) << text;
    return taken;
  };
  for (const std::string text : {"muon", "neon:svd=dense", "fanion:k=2,svd=lanczos", "row_norm", "schatten:p=3",
                                 "d-fanion:k=3,residual=row_norm", "d-fanion:k=12", "0.5*nsgd + 0.5*signum",
                                 "0.5*neon + 0.5*fanion:k=2", "f-muon", "fanion:k=2 + nsgd + signum"})
    EXPECT_FALSE(takes(text, W, g, B)) << text;
  for (const auto dtype : {at::kDouble, at::kBFloat16})
    EXPECT_FALSE(takes("neon", W.to(dtype), g.to(dtype), B.to(dtype))) << dtype;
  EXPECT_FALSE(takes("nsgd", W.t(), g.t(), B.t())) << "columns";
  const auto filters = normal(4, 27, 3).reshape({4, 3, 3, 3}).contiguous(at::MemoryFormat::ChannelsLast);
  EXPECT_FALSE(takes("nsgd", filters, filters.clone(), filters.clone())) << "channels last";
  EXPECT_TRUE(takes("neon", W, g, B));
}

TEST(SweepStep, ScaleOfTheGradientChangesNoDirection) {
  for (const std::string text : {"neon", "f-neon", "nsgd", "d-fanion:k=3", "fanion:k=4"})
    for (const double scale : {1e-36, 1e-22, 1e-12, 1e12, 1e18, 1e30}) {
      const auto rule = norms::rule_from_name(text);
      const auto G = normal(30, 50, 4), start = at::zeros({30, 50}, at::kFloat);
      const auto stepped = [&](double by) {
        const auto W = start.clone(), B = at::zeros({30, 50}, at::kFloat);
        auto warm = initial_lmo_state(W, rule).warm_start;
        EXPECT_TRUE(sweep_step_(W, G * by, B, &warm, *rule, {}, 0.1, 1));
        return W;
      };
      EXPECT_LE(off(stepped(scale), stepped(1), start), 2e-3) << text << " " << scale;
    }
}

TEST(SweepStep, AZeroMomentumIsAZeroStep) {
  for (const auto& text : kSwept) {
    const auto rule = norms::rule_from_name(text);
    const auto W = normal(30, 50, 5), before = W.clone(), zero = at::zeros({30, 50}, at::kFloat);
    auto warm = initial_lmo_state(W, rule).warm_start;
    const auto start = warm.clone();
    ASSERT_TRUE(sweep_step_(W, zero, zero.clone(), &warm, *rule, {}, 0.1, 1)) << text;
    EXPECT_TRUE(same_bits(W, before) && same_bits(warm, start)) << text;
  }
}

TEST(SweepStep, FewerDirectionsThanWanted) {
  for (const std::string text : {"fanion:k=4,passes=1", "d-fanion:k=4,passes=1"}) {
    const auto rule = norms::rule_from_name(text);
    const auto G = (random_normal(30, 2, 5).mm(random_normal(2, 40, 6))).to(at::kFloat);
    const auto W = at::zeros({30, 40}, at::kFloat), B = at::zeros({30, 40}, at::kFloat);
    auto warm = initial_lmo_state(W, rule).warm_start;
    ASSERT_TRUE(sweep_step_(W, G, B, &warm, *rule, {}, 1, 1));
    EXPECT_LE(relative_error(W, -flattened_top(G, 2)), 1e-3) << text << ": what else there is is rounding";
  }
}

}  // namespace
}  // namespace fanion::optim
