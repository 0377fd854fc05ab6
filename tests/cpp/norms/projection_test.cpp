// Every norm with a projection × the zoo: the certificate of the nearest point; on small matrices, every point tried.

#include "certificates.h"
#include "norms/norm_cases.h"
#include "zoo.h"

namespace fanion::norms {
namespace {

using namespace fanion::testing;

class Projection : public ::testing::TestWithParam<Specimen> {};

/// P is the nearest point to X of a convex ball exactly if it lies in it and ⟨X − P, D − P⟩ ≤ 0 for every D of it,
/// hence for the one that maximises ⟨X − P, D⟩: ‖X − P‖† ≤ ⟨X − P, P⟩.
TEST_P(Projection, IsNearestByTheObtuseAngle) {
  const auto& M = GetParam().A;
  const int64_t m = M.size(0), n = M.size(1);
  // Sums of max(m, n) terms as in a dual gap; the SVD's vectors carry as many roundings again.
  const double tol = 8 * static_cast<double>(std::max(m, n)) * working_eps(M.scalar_type());
  for (const auto& c : norm_cases(m, n)) {
    if (!c.has_projection || c.solver_tol > 0) continue;
    const double size = c.value(M);
    for (const double target : {0.0, 0.9, 1.2, 3.0}) {  // 0: as it is
      if (target > 0 && size == 0) continue;
      SCOPED_TRACE(c10::str(c.name, " scaled to ", target));
      const auto X = target == 0 ? M : (M.to(at::kDouble) * (target / size)).to(M.scalar_type());
      const auto P = c.norm->project(X);
      EXPECT_EQ(P.scalar_type(), M.scalar_type() == at::kDouble ? at::kDouble : at::kFloat);
      if (c.value(X) <= 1 - tol) {
        EXPECT_TRUE(same_bits(P, working_matrix(X))) << "a point of the ball stays";
        continue;
      }
      EXPECT_LE(c.value(P), 1 + tol);
      const auto rest = X.to(at::kDouble) - P.to(at::kDouble);
      // ρ is the largest Frobenius norm in the ball, so this is the cosine of the angle, at least.
      EXPECT_LE(c.dual(rest) - frobenius_inner(rest, P), tol * c.norm->rho(m, n) * frobenius_norm(X));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Zoo, Projection, ::testing::ValuesIn(whole_zoo()),
                         [](const auto& specimen) { return specimen.param.name; });

TEST(Projection, BeatsAThousandPointsOfTheBall) {
  for (const auto& [m, n] : {std::pair{4, 3}, {3, 5}})
    for (const auto& c : norm_cases(m, n)) {
      if (!c.has_projection || c.solver_tol > 0) continue;
      SCOPED_TRACE(c.name);
      auto X = random_normal(m, n, 411);
      X = X * (2 / c.value(X));
      const auto P = c.norm->project(X);
      const double least = frobenius_norm(X - P), diameter = c.norm->rho(m, n);
      for (uint64_t i = 0; i < 1000; ++i) {
        const auto noise = random_normal(m, n, 1000 + i) * (diameter * std::pow(10.0, -static_cast<double>(i % 5)));
        auto Z = i % 10 < 5 ? P + noise : noise;  // near the answer and anywhere
        Z = Z / std::max(1.0, c.value(Z));
        EXPECT_GE(frobenius_norm(X - Z), least * (1 - 1e-14)) << i;
      }
    }
}

TEST(Projection, NeverMovesPointsApart) {
  for (const auto& c : norm_cases(6, 5)) {
    if (!c.has_projection || c.solver_tol > 0) continue;
    SCOPED_TRACE(c.name);
    for (uint64_t seed = 421; seed < 441; ++seed) {
      const auto A = random_normal(6, 5, seed), B = A + 0.3 * random_normal(6, 5, seed + 100);
      const double before = frobenius_norm(A - B);
      EXPECT_LE(frobenius_norm(c.norm->project(A) - c.norm->project(B)), before * (1 + 1e-13));
    }
  }
}

TEST(Projection, IsRefusedWhereNoFormIsKnown) {
  const auto X = random_normal(6, 5, 422);
  for (const auto& c : norm_cases(6, 5)) {
    if (c.has_projection) continue;
    EXPECT_VALUE_ERROR(c.norm->project(X), "no projection onto the unit ball of " + c.norm->name() + " is known");
  }
}

}  // namespace
}  // namespace fanion::norms
