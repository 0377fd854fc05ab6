#include "fanion/optim/presets.h"

#include "certificates.h"
#include "fanion/norms/registry.h"

namespace fanion::optim {
namespace {

using norms::ResidualMap;

TEST(Presets, AreTheRulesOfTheirNames) {
  const auto expect_rule = [](const LmoSettings& settings, const std::string& text) {
    EXPECT_EQ(settings.rule->name(), norms::rule_from_name(text)->name());
  };
  expect_rule(muon(), "muon");
  expect_rule(muon({}, {.steps = 3}), "muon:ns_steps=3");
  expect_rule(neon(), "neon");
  expect_rule(neon({}, {.method = linalg::SvdMethod::lanczos}), "neon:svd=lanczos");
  expect_rule(fanion(4), "fanion:k=4");
  expect_rule(f_muon(), "f-muon");
  expect_rule(f_muon({}, 0.8), "f-muon:alpha=0.8");
  expect_rule(f_muon({}, 1.5), "f-muon:alpha=1.5");
  expect_rule(f_neon(), "f-neon");
  expect_rule(f_neon({}, -0.1), "f-neon:alpha=-0.1");
  expect_rule(f_fanion(4), "f-fanion:k=4");
  expect_rule(f_fanion(4, {}, 0.2), "f-fanion:k=4,alpha=0.2");
  expect_rule(d_fanion(4), "d-fanion:k=4");
  expect_rule(d_fanion(4, {}, ResidualMap::clip), "d-fanion:k=4,residual=clip");
  expect_rule(d_fanion(4, {}, ResidualMap::newton_schulz), "d-fanion:k=4,residual=newton_schulz,ns_steps=2");
  expect_rule(fanion(norms::Rank::fraction(0.25)), "fanion:rank_fraction=0.25");
  expect_rule(dion(4), "dion:k=4");
  expect_rule(dion(4, kDionStep, 2), "dion:k=4,passes=2");
  expect_rule(nsgd(), "nsgd");
  expect_rule(signum(), "signum");
  expect_rule(muon({}, std::nullopt), "muon:polar=exact");
  expect_rule(f_muon({}, 0.3, std::nullopt), "f-muon:alpha=0.3,polar=exact");
  expect_rule(s_muon(), "s-muon");
  expect_rule(s_muon({}, 0.3, 0.01), "s-muon:alpha=0.3,eta=0.01");
  expect_rule(s_fanion(4), "s-fanion:k=4");
  expect_rule(s_fanion(4, {}, 0.3, 0.01), "s-fanion:k=4,alpha=0.3,eta=0.01");
  expect_rule(schatten_descent(3), "schatten:p=3");
  expect_rule(sign_sgd(), "signum");
  expect_rule(gauss_southwell(), "gauss-southwell");
  expect_rule(sgd(), "sgd");
  expect_rule(kernel_neon(), "kernel-neon");
  expect_rule(kernel_neon({}, 3), "kernel-neon:lambd=3");
  expect_rule(f_star_neon(), "f-star-neon");
  expect_rule(f_star_neon(norms::FStarForm::sum, {}, 3), "f-star-neon:form=sum,lambd=3");
}

TEST(Presets, KeepTheStepOptions) {
  const LmoStepOptions step{.lr = 0.5, .momentum = 0.3, .weight_decay = 0.7};
  for (const auto& settings :
       {muon(step), neon(step), fanion(2, step), f_muon(step), f_neon(step), f_fanion(2, step), d_fanion(2, step),
        dion(2, step), nsgd(step), signum(step), s_muon(step), s_fanion(2, step), schatten_descent(3, step),
        gauss_southwell(step), sgd(step), kernel_neon(step), f_star_neon({}, step)}) {
    EXPECT_EQ(settings.step.lr, 0.5) << settings.rule->name();
    EXPECT_EQ(settings.step.momentum, 0.3) << settings.rule->name();
    EXPECT_EQ(settings.step.weight_decay, 0.7) << settings.rule->name();
  }
}

TEST(Presets, SayWhatTheirNamesPromise) {
  const auto signs = sign_sgd({.lr = 0.5, .momentum = 0.9});
  EXPECT_EQ(signs.step.momentum, 0);
  EXPECT_FALSE(signs.step.nesterov);
  EXPECT_EQ(signs.step.lr, 0.5);
  EXPECT_EQ(adam({.lr = 0.5, .weight_decay = 0.1}).weight_decay, 0);
  EXPECT_EQ(adam({.lr = 0.5}).lr, 0.5);
  for (const auto& settings : {sgd(), kernel_neon(), f_star_neon()})
    EXPECT_EQ(settings.step.adjust_lr_fn, norms::AdjustLrFn::none) << settings.rule->name();
}

}  // namespace
}  // namespace fanion::optim
