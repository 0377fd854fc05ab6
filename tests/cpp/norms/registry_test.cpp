#include "fanion/norms/registry.h"

#include <set>

#include "certificates.h"
#include "fanion/norms/col_norm.h"
#include "fanion/norms/deflated.h"
#include "fanion/norms/dion.h"
#include "fanion/norms/entry_sum.h"
#include "fanion/norms/frobenius.h"
#include "fanion/norms/ky_fan.h"
#include "fanion/norms/ky_fan_dual.h"
#include "fanion/norms/max_entry.h"
#include "fanion/norms/mixture.h"
#include "fanion/norms/nuclear.h"
#include "fanion/norms/rms_to_rms.h"
#include "fanion/norms/row_norm.h"
#include "fanion/norms/scaled_max_entry.h"
#include "fanion/norms/schatten.h"
#include "fanion/norms/spectral.h"
#include "norms/norm_cases.h"
#include "zoo.h"

namespace fanion::norms {
namespace {

using namespace fanion::testing;

const std::vector<std::string> kTexts = {"frobenius",
                                         "nsgd",
                                         "max_entry",
                                         "signum",
                                         "spectral",
                                         "spectral:polar=newton_schulz",
                                         "muon",
                                         "muon:polar=exact",
                                         "muon:ns_steps=3,eps=1e-07",
                                         "muon:ns_coefficients=cubic-damped",
                                         "muon:ns_coefficients=polar-express",
                                         "muon:ns_coefficients=polar-express-1.02,ns_form=gram",
                                         "muon:ns_coefficients=1.5/-0.5/0,ns_steps=9,ns_dtype=float64",
                                         "muon:ns_coefficients=2/-1.5/0.5/1.5/-0.5/0",
                                         "nuclear",
                                         "nuclear:svd=lanczos",
                                         "f_star_rms",
                                         "f_star_rms:svd=subspace,passes=3",
                                         "f_star_sum:svd=dense",
                                         "neon",
                                         "neon:passes=3,oversample=1",
                                         "rms_to_rms",
                                         "rms_to_rms:polar=newton_schulz,ns_steps=4",
                                         "ky_fan:k=3",
                                         "schatten:p=1",
                                         "schatten:p=1.5",
                                         "schatten:p=2",
                                         "schatten:p=4",
                                         "schatten:p=inf",
                                         "scaled_max_entry",
                                         "scaled_max_entry:k=2",
                                         "entry_sum",
                                         "row_norm",
                                         "col_norm",
                                         "ky_fan_dual:k=3",
                                         "ky_fan_dual:k=3,svd=dense",
                                         "fanion:k=5",
                                         "f-muon",
                                         "f-muon:alpha=0",
                                         "f-muon:alpha=1",
                                         "f-muon:alpha=1.5",
                                         "f-muon:alpha=-0.1",
                                         "f-neon:alpha=0.25",
                                         "f-fanion:k=2,alpha=0.7",
                                         "s-muon",
                                         "s-muon:alpha=0.25,scale=2,polar=exact",
                                         "s-muon:alpha=1.5",
                                         "s-fanion:k=3",
                                         "s-fanion:k=3,alpha=0.7,scale=0.5,svd=dense",
                                         "d-fanion:k=0",
                                         "d-fanion:k=2",
                                         "d-fanion:k=2,residual=row_norm,svd=dense",
                                         "d-fanion:k=2,residual=col_norm",
                                         "d-fanion:k=2,residual=frobenius",
                                         "d-fanion:k=2,residual=clip",
                                         "0.3*nuclear + 0.7*max_entry",
                                         "muon + nsgd",
                                         "2*signum",
                                         "-1*muon + 1e-05*d-fanion:k=1",
                                         "0.1*f-muon + 0.9*f-neon:alpha=0.3"};

TEST(Registry, NamesRoundTrip) {
  for (const auto& text : kTexts) {
    const auto rule = rule_from_name(text);
    EXPECT_EQ(rule_from_name(rule->name())->name(), rule->name()) << text;
  }
}

TEST(Registry, TheNameGivesTheSameDirection) {
  const auto M = random_normal(8, 6, 111);
  for (const auto& text : kTexts) {
    const auto rule = rule_from_name(text), again = rule_from_name(rule->name());
    EXPECT_EQ(rule->warm_columns(8, 6), again->warm_columns(8, 6)) << text;
    EXPECT_TRUE(same_bits(to_dense(rule->direction(M), M), to_dense(again->direction(M), M))) << text;
  }
}

TEST(Registry, TextsMeanTheRulesTheyName) {
  const auto expect_same = [](const std::string& text, const RulePtr& rule) {
    EXPECT_EQ(rule_from_name(text)->name(), rule->name()) << text;
  };
  expect_same("nsgd", frobenius());
  expect_same("signum", max_entry());
  expect_same("spectral", spectral());
  expect_same("muon", spectral(linalg::NewtonSchulzOptions{}));
  expect_same("muon:ns_steps=7,eps=1e-7", spectral(linalg::NewtonSchulzOptions{.steps = 7, .eps = 1e-7}));
  expect_same("muon:ns_coefficients=cubic-damped",
              spectral(linalg::NewtonSchulzOptions{.coefficients = {{2.0, -1.5, 0.5}}, .steps = 12}));
  const auto& express = linalg::coefficient_set("polar-express");
  expect_same("muon:ns_coefficients=polar-express",
              spectral(linalg::NewtonSchulzOptions{.coefficients = express.coefficients, .steps = 8}));
  expect_same(
      "muon:ns_coefficients=polar-express,ns_steps=5,ns_form=gram",
      spectral(linalg::NewtonSchulzOptions{
          .coefficients = linalg::first_steps(express, 5), .steps = 5, .form = linalg::NewtonSchulzForm::gram}));
  expect_same("nuclear", nuclear());
  expect_same("neon", nuclear(kTrainingTriplets));
  expect_same("fanion:k=5", ky_fan_dual(5, kTrainingTriplets));
  expect_same("ky_fan_dual:k=5,svd=lanczos", ky_fan_dual(5, {.method = linalg::SvdMethod::lanczos}));
  expect_same("f-muon:alpha=0.3", with_frobenius(spectral(linalg::NewtonSchulzOptions{}), 0.3));
  expect_same("f-neon", with_frobenius(nuclear(kTrainingTriplets), 0.5));
  expect_same("rms_to_rms", rms_to_rms());
  expect_same("ky_fan:k=5", ky_fan(5));
  expect_same("schatten:p=4", schatten(4));
  expect_same("schatten:p=1", nuclear());
  expect_same("schatten:p=2", frobenius());
  expect_same("schatten:p=inf", spectral());
  expect_same("entry_sum", entry_sum());
  expect_same("row_norm", row_norm());
  expect_same("col_norm", col_norm());
  expect_same("scaled_max_entry", scaled_max_entry());
  expect_same("scaled_max_entry:k=3", scaled_max_entry(3));
  expect_same("s-muon:alpha=0.3,polar=exact", mixture({{0.3, spectral()}, {0.7, scaled_max_entry()}}));
  expect_same("s-muon:alpha=0.25,scale=2,polar=exact", mixture({{0.25, spectral()}, {1.5, scaled_max_entry()}}));
  expect_same("s-fanion:k=3", mixture({{0.5, ky_fan_dual(3, kTrainingTriplets)}, {0.5, scaled_max_entry(3)}}));
  expect_same("s-muon:alpha=0.25,eta=0.02,polar=exact", mixture({{0.25, spectral()}, {0.015, max_entry()}}));
  expect_same("s-fanion:k=3,eta=0.02", mixture({{0.5, ky_fan_dual(3, kTrainingTriplets)}, {0.01, max_entry()}}));
  expect_same("gauss-southwell", entry_sum());
  expect_same("fanion:rank_fraction=0.25", ky_fan_dual(Rank::fraction(0.25), kTrainingTriplets));
  expect_same("dion:k=3", dion(3));
  expect_same("dion:rank_fraction=0.5,passes=2", dion(Rank::fraction(0.5), 2));
  expect_same("d-fanion:k=8,residual=newton_schulz,ns_steps=3",
              deflated(8, ResidualMap::newton_schulz, kTrainingTriplets,
                       {.steps = 3, .norm = linalg::NewtonSchulzNorm::schatten_4}));
  expect_same("d-fanion:k=4,residual=clip", deflated(4, ResidualMap::clip, kTrainingTriplets));
}

TEST(Registry, EveryKnownRuleCanBeMade) {
  for (const auto& info : known_rules()) {
    // A key without a default comes first.
    const bool needs_k = info.keys == "k" || info.keys.starts_with("k, "), needs_p = info.keys == "p";
    EXPECT_NO_THROW(rule_from_name(info.name + (needs_k ? ":k=2" : needs_p ? ":p=2" : ""))) << info.name;
    EXPECT_FALSE(info.summary.empty()) << info.name;
    if (needs_k) {
      EXPECT_VALUE_ERROR(rule_from_name(info.name), "needs k");
    }
    if (needs_p) {
      EXPECT_VALUE_ERROR(rule_from_name(info.name), "needs p");
    }
  }
}

TEST(Registry, NestedSumsAreFlattened) {
  EXPECT_EQ(rule_from_name("0.5*f-muon:polar=exact + 0.5*f-neon:svd=dense,alpha=0.25")->name(),
            "0.25*spectral + 0.25*frobenius + 0.125*nuclear:svd=dense + 0.375*frobenius");
}

/// A new norm without its formulas in norm_cases.cpp would go through no test of certificates.
TEST(Registry, EveryNormHasItsFormulasInTheTests) {
  std::set<std::string> names;
  for (const auto& c : norm_cases(12, 8)) names.insert(c.norm->name());
  for (const auto& text : example_norms())
    for (const auto& [weight, part] : flattened({{1, norm_from_name(text)}}))
      EXPECT_TRUE(names.contains(part->name())) << part->name() << " is missing in norm_cases.cpp";
}

TEST(Registry, ExamplesFitTheirNameAndShape) {
  for (const auto& info : known_rules()) {
    EXPECT_FALSE(info.use.empty()) << info.name;
    ASSERT_FALSE(info.examples.empty()) << info.name;
    for (const auto& text : info.examples) {
      EXPECT_EQ(text.substr(0, text.find(':')), info.name);
      const auto rule = rule_from_name(text);
      EXPECT_EQ(std::dynamic_pointer_cast<const MatrixNorm>(rule) != nullptr, info.is_norm) << text;
      rule->direction(random_normal(3, 3, 941));
    }
  }
  std::set<std::string> names;
  for (const auto& text : example_norms(2, 9)) {
    norm_from_name(text)->dual(random_normal(2, 9, 942));
    EXPECT_TRUE(names.insert(norm_from_name(text)->name()).second) << text << " is there twice";
  }
}

}  // namespace
}  // namespace fanion::norms
