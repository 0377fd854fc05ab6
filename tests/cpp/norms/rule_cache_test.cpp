#include "fanion/norms/rule_cache.h"

#include "certificates.h"
#include "fanion/norms/registry.h"

namespace fanion::norms {
namespace {

TEST(RuleCache, ATextIsParsedOnce) {
  for (const std::string text : {"ky_fan_dual:k=2", "f-muon:alpha=0.25", "0.3*nuclear + 0.7*max_entry"}) {
    const auto first = cached_norm(text);
    EXPECT_EQ(cached_norm(text), first) << text;
    EXPECT_EQ(cached_rule(text), first) << text;
    EXPECT_EQ(first->name(), norm_from_name(text)->name()) << text;
  }
  EXPECT_NE(cached_norm("ky_fan_dual:k=2"), cached_norm("ky_fan_dual:k=3"));
}

TEST(RuleCache, RulesThatAreNoNormsAreRefusedEveryTime) {
  for (int i = 0; i < 2; ++i) {
    EXPECT_VALUE_ERROR(cached_norm("d-fanion:k=1"), "'d-fanion:k=1' is a rule but no norm");
    EXPECT_VALUE_ERROR(cached_norm("unheard-of"), "unknown rule 'unheard-of'");
    EXPECT_NE(cached_rule("d-fanion:k=1"), nullptr);
  }
}

}  // namespace
}  // namespace fanion::norms
