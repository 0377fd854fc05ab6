#include "fanion/norms/adjust_lr_fn.h"

#include "certificates.h"
#include "fanion/norms/registry.h"
#include "zoo.h"

namespace fanion::norms {
namespace {

using namespace fanion::testing;

TEST(AdjustLrFn, FollowsItsFormula) {
  const auto muon = rule_from_name("muon");
  EXPECT_DOUBLE_EQ(lr_factor(AdjustLrFn::original, *muon, 12, 3), 2);
  EXPECT_DOUBLE_EQ(lr_factor(AdjustLrFn::original, *muon, 3, 12), 1);
  EXPECT_DOUBLE_EQ(lr_factor(AdjustLrFn::match_rms_adamw, *muon, 25, 100), 2);
  EXPECT_DOUBLE_EQ(lr_factor(AdjustLrFn::match_rms_adamw, *muon, 100, 25), 2);
  EXPECT_DOUBLE_EQ(lr_factor(AdjustLrFn::rms_to_rms, *muon, 12, 3), 2);
  EXPECT_DOUBLE_EQ(lr_factor(AdjustLrFn::rms_to_rms, *muon, 3, 12), 0.5);
  EXPECT_DOUBLE_EQ(lr_factor(AdjustLrFn::none, *muon, 7, 100), 1);
}

/// Root of the mean square of the entries of scale·D, for a random M.
double rms_of_step(const std::string& text, int64_t m, int64_t n) {
  const auto rule = rule_from_name(text);
  const auto M = random_normal(m, n, 31);
  const double size = frobenius_norm(to_dense(rule->direction(M), M));
  return lr_factor(AdjustLrFn::match_rms_adamw, *rule, m, n) * size / std::sqrt(static_cast<double>(m * n));
}

const std::vector<std::string> kExactSizes = {
    "nsgd",     "spectral",         "rms_to_rms",           "nuclear:svd=dense", "ky_fan_dual:k=5,svd=dense",
    "signum",   "scaled_max_entry", "scaled_max_entry:k=3", "entry_sum",         "row_norm",
    "col_norm", "ky_fan:k=4",       "ky_fan:k=30",          "d-fanion:k=0",      "1*nuclear:svd=dense + 0*max_entry",
    "-2*signum"};

TEST(AdjustLrFn, MatchRmsAdamwGivesEveryRuleStepsOfOneSize) {
  for (const auto& [m, n] : {std::pair<int64_t, int64_t>{48, 32}, {32, 80}, {40, 40}}) {
    for (const auto& text : kExactSizes) EXPECT_NEAR(rms_of_step(text, m, n), 0.2, 1e-12) << text;
    // ‖D‖_F depends on M: for random ones this is how far parts of sums are from parallel, and spectra from linear.
    for (const std::string text :
         {"muon", "d-fanion:k=5,svd=dense", "d-fanion:k=5,residual=row_norm", "d-fanion:k=5,residual=clip,svd=dense",
          "f-muon", "f-neon", "f-fanion:k=5", "s-muon", "s-fanion:k=5", "schatten:p=1.5", "schatten:p=1.1",
          "schatten:p=4", "f_star_rms", "f_star_sum", "0.3*nuclear + 0.7*max_entry", "f-muon:alpha=1.5"}) {
      EXPECT_GE(rms_of_step(text, m, n), 0.14) << text;
      EXPECT_LE(rms_of_step(text, m, n), 0.28) << text;
    }
  }
}

TEST(AdjustLrFn, SumsWhosePartsTakeEachOtherAwayGetNoLongerSteps) {
  for (const std::string text : {"f-muon:alpha=-0.1", "f-muon:alpha=-0.3", "f-neon:alpha=2", "f-neon:alpha=-1"})
    EXPECT_LE(rms_of_step(text, 40, 60), 0.2) << text;
  EXPECT_LE(rms_of_step("1*nsgd + -1*nsgd", 40, 60), 1e-15);  // rounding of zero
}

TEST(AdjustLrFn, NamesRoundTrip) {
  for (const auto adjust :
       {AdjustLrFn::original, AdjustLrFn::match_rms_adamw, AdjustLrFn::rms_to_rms, AdjustLrFn::none})
    EXPECT_EQ(parse_name(kAdjustLrFns, find_name(kAdjustLrFns, adjust), "adjust_lr_fn"), adjust);
  EXPECT_EQ(parse_name(kAdjustLrFns, "spectral_unclamped", "adjust_lr_fn"), AdjustLrFn::rms_to_rms) << "torch 2.14's";
  EXPECT_VALUE_ERROR(parse_name(kAdjustLrFns, "spectral", "adjust_lr_fn"), "original, match_rms_adamw, rms_to_rms, ");
}

}  // namespace
}  // namespace fanion::norms
