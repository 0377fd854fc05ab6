#include "fanion/norms/rank.h"

#include "certificates.h"
#include "fanion/norms/ky_fan_dual.h"
#include "fanion/norms/registry.h"
#include "zoo.h"

namespace fanion::norms {
namespace {

using namespace fanion::testing;

TEST(Rank, AFractionIsRoundedUp) {
  EXPECT_EQ(Rank(3).of(8, 6), 3);
  EXPECT_EQ(Rank::fraction(1).of(8, 6), 6);
  EXPECT_EQ(Rank::fraction(0.5).of(8, 6), 3);
  EXPECT_EQ(Rank::fraction(0.51).of(8, 6), 4);
  EXPECT_EQ(Rank::fraction(0.25).of(768, 3072), 192);
  EXPECT_EQ(Rank::fraction(1e-9).of(768, 3072), 1);
}

TEST(Rank, OutOfRangeIsRefused) {
  for (const double f : {0.0, -0.5, 1.5, std::nan("")}) EXPECT_VALUE_ERROR(Rank::fraction(f), "must lie in (0, 1]");
  EXPECT_VALUE_ERROR(Rank(7).fitting(8, 6), "k = 7 is out of range: a 8 x 6 matrix allows 1 to 6");
  EXPECT_VALUE_ERROR(Rank(0).check_at_least(1), "k = 0 must be at least 1");
  EXPECT_VALUE_ERROR(Rank(-1).check_at_least(0), "k = -1 must not be negative");
}

/// Every rule that takes a k takes a fraction instead, which is that k for every shape.
TEST(Rank, OfEveryRule) {
  for (const auto& info : known_rules()) {
    if (info.keys.find("rank_fraction") == std::string::npos) continue;
    const auto with = [&](const std::string& rank) { return rule_from_name(info.name + ":" + rank); };
    for (const auto& [m, n] : std::vector<std::pair<int64_t, int64_t>>{{9, 6}, {6, 20}, {12, 12}}) {
      const auto k = (std::min(m, n) + 2) / 3;
      const auto M = random_normal(m, n, 991);
      const auto rule = with("rank_fraction=0.333"), same = with(c10::str("k=", k));
      auto warm = initial_warm_start(*rule, m, n, M.options()), other = initial_warm_start(*same, m, n, M.options());
      EXPECT_TRUE(same_bits(warm, other)) << info.name;
      const auto found = to_dense(rule->direction(M, warm.numel() > 0 ? &warm : nullptr), M);
      EXPECT_TRUE(same_bits(found, to_dense(same->direction(M, other.numel() > 0 ? &other : nullptr), M))) << info.name;
      EXPECT_EQ(rule->nominal_frobenius(m, n), same->nominal_frobenius(m, n)) << info.name;
      EXPECT_EQ(rule->low_rank_parts(), same->low_rank_parts()) << info.name;
      if (!info.is_norm) continue;
      const auto norm = norm_from_name(rule->name()), twin = norm_from_name(same->name());
      EXPECT_TRUE(same_bits(norm->dual(M), twin->dual(M))) << info.name;
      EXPECT_TRUE(same_bits(norm->value(M), twin->value(M))) << info.name;
      if (info.name != "s-fanion") {  // of which no projection is known
        EXPECT_TRUE(same_bits(norm->project(M), twin->project(M))) << info.name;
      }
      EXPECT_EQ(norm->rho(m, n), twin->rho(m, n)) << info.name;
    }
    EXPECT_EQ(rule_from_name(with("rank_fraction=0.25")->name())->name(), with("rank_fraction=0.25")->name());
    EXPECT_VALUE_ERROR(with("rank_fraction=0.25,k=2"), "takes k or rank_fraction, not both");
    EXPECT_VALUE_ERROR(with("rank_fraction=0"), "rank_fraction = 0 must lie in (0, 1]");
    EXPECT_VALUE_ERROR(with("rank_fraction=2"), "rank_fraction = 2 must lie in (0, 1]");
  }
}

}  // namespace
}  // namespace fanion::norms
