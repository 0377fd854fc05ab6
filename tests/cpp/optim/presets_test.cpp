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
  expect_rule(nsgd(), "nsgd");
  expect_rule(signum(), "signum");
}

TEST(Presets, KeepTheStepOptions) {
  const LmoStepOptions step{.lr = 0.5, .momentum = 0.3, .weight_decay = 0.7};
  for (const auto& settings : {muon(step), neon(step), fanion(2, step), f_muon(step), f_neon(step), f_fanion(2, step),
                               d_fanion(2, step), nsgd(step), signum(step)}) {
    EXPECT_EQ(settings.step.lr, 0.5) << settings.rule->name();
    EXPECT_EQ(settings.step.momentum, 0.3) << settings.rule->name();
    EXPECT_EQ(settings.step.weight_decay, 0.7) << settings.rule->name();
  }
}

}  // namespace
}  // namespace fanion::optim
