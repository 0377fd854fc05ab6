// prox on small matrices against everything tried: argmin ⟨M, Z⟩ + (λ/2)‖Z‖².

#include "certificates.h"
#include "norms/norm_cases.h"
#include "zoo.h"

namespace fanion::norms {
namespace {

using namespace fanion::testing;

constexpr double kLambda = 0.7;
constexpr int64_t kHeight = 2, kWidth = 3;

struct Objective {
  const NormCase& c;
  at::Tensor M;
  double operator()(const at::Tensor& Z) const {
    return frobenius_inner(M, Z) + kLambda / 2 * std::pow(norm_of(c, Z), 2);
  }
  /// By differences along the entries, over 1e-6·‖Z‖_F.
  at::Tensor gradient(const at::Tensor& Z) const {
    const double here = (*this)(Z), h = 1e-6 * frobenius_norm(Z);
    auto G = at::zeros_like(Z);
    for (int64_t i = 0; i < Z.size(0); ++i)
      for (int64_t j = 0; j < Z.size(1); ++j) {
        auto moved = Z.clone();
        moved[i][j] += h;
        G[i][j] = ((*this)(moved)-here) / h;
      }
    return G;
  }
};

/// Those whose LMO and value are exact to rounding: the search takes differences of the value.
std::vector<NormCase> exact_cases() {
  std::vector<NormCase> cases;
  for (auto& c : norm_cases(kHeight, kWidth))
    if (c.has_exact_value() && c.solver_tol == 0) cases.push_back(std::move(c));
  return cases;
}

/// How near the search comes, relative to the depth; the polyhedral norms set it.
constexpr double kNearLeast = 1e-2;
/// What rounding may do to the objective, relative to its depth.
constexpr double kTolerance = 1e-10;

TEST(Prox, BeatsAThousandPerturbations) {
  const auto M = random_normal(kHeight, kWidth, 451);
  for (const auto& c : exact_cases()) {
    SCOPED_TRACE(c.name);
    const Objective objective{c, M};
    const auto X = c.norm->prox(M, kLambda);
    const double least = objective(X), size = frobenius_norm(X);
    for (uint64_t i = 0; i < 1000; ++i) {
      const double relative = std::pow(10.0, -static_cast<double>(i % 6));
      EXPECT_GE(objective(X + random_normal(kHeight, kWidth, 2000 + i) * (relative * size)),
                least - kTolerance * std::abs(least))
          << i;
    }
  }
}

/// Subgradient steps of Polyak's length for a minimum a little below prox's, so that a lower one would be found.
TEST(Prox, MeetsAMinimiserStartedElsewhere) {
  const auto M = random_normal(kHeight, kWidth, 452);
  for (const auto& c : exact_cases()) {
    SCOPED_TRACE(c.name);
    const Objective objective{c, M};
    const auto X = c.norm->prox(M, kLambda);
    const double least = objective(X), depth = std::abs(least), goal = least - kNearLeast / 2 * depth;
    auto Z = random_normal(kHeight, kWidth, 453) * frobenius_norm(X);
    double found = objective(Z);
    EXPECT_GT(found, least + 0.1 * depth) << "starts too close to show anything";
    for (int i = 0; i < 2000 && found > least + kNearLeast / 2 * depth; ++i) {
      const auto G = objective.gradient(Z);
      Z = Z - G * ((objective(Z) - goal) / frobenius_inner(G, G));
      found = std::min(found, objective(Z));
    }
    EXPECT_GE(found, least - kTolerance * depth) << "prox is not the minimum";
    EXPECT_LE(found, least + kNearLeast * depth) << "the search did not get near, so it shows nothing";
  }
}

}  // namespace
}  // namespace fanion::norms
