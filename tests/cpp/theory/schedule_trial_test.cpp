// Theory against practice: the lemmas' schedules reach their ε within their K, in every norm.

#include "fanion/theory/schedule_trial.h"

#include <ATen/CPUGeneratorImpl.h>

#include "certificates.h"
#include "fanion/norms/spectral.h"
#include "norms/norm_cases.h"
#include "zoo.h"

namespace fanion::theory {
namespace {

using namespace fanion::testing;

constexpr int64_t kRows = 4, kColumns = 3;
constexpr int kSeeds = 3;

struct Setting {
  LeastSquares objective = random_least_squares(kRows, kColumns, at::detail::createCPUGenerator(500));
  at::Tensor X1 = random_normal(kRows, kColumns, 501) * 0.1;
};

/// The average over seeds of what a schedule does.
ScheduleTrial average(const Setting& s, const norms::NormPtr& norm, const ProblemConstants& p, const StepSizes& sizes) {
  ScheduleTrial sum{0, 0, 0};
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    const auto trial = try_schedule(s.objective, norm, s.X1, p, sizes, at::detail::createCPUGenerator(510 + seed));
    sum.mean += trial.mean / kSeeds;
    sum.least += trial.least / kSeeds;
    sum.first = std::max(sum.first, trial.first);
  }
  return sum;
}

TEST(ScheduleTrial, Lemma7ReachesItsEpsWithinItsKInEveryNorm) {
  const Setting s;
  int tried = 0;
  for (const auto& c : norm_cases(kRows, kColumns)) {
    if (c.solver_tol > 0) continue;  // an approximate LMO
    SCOPED_TRACE(c.name);
    const auto p = trial_constants(s.objective, *c.norm, s.X1, /*accuracy=*/0.6, /*noise=*/0.35);
    const auto sizes = stochastic_step_sizes(p);
    ASSERT_LE(sizes.K, 1e5);
    ASSERT_LT(sizes.alpha, 1) << "the noise matters";
    const auto trial = average(s, c.norm, p, sizes);
    EXPECT_LE(trial.mean, gradient_bound(p, sizes.eta, sizes.alpha, sizes.K).total());
    EXPECT_LE(trial.mean, p.eps);
    EXPECT_LE(trial.least, p.eps);
    EXPECT_GT(trial.first, 1) << "the start is not the answer";
    ++tried;
  }
  EXPECT_GE(tried, 12);
}

TEST(ScheduleTrial, Lemma6DoesWithoutNoise) {
  const Setting s;
  for (const auto& c : norm_cases(kRows, kColumns)) {
    if (c.solver_tol > 0) continue;
    SCOPED_TRACE(c.name);
    const auto p = trial_constants(s.objective, *c.norm, s.X1, /*accuracy=*/0.2, /*noise=*/0);
    const auto sizes = deterministic_step_sizes(p);
    const auto trial =
        try_schedule(s.objective, c.norm, s.X1, p, sizes, at::detail::createCPUGenerator(static_cast<uint64_t>(520)));
    EXPECT_LE(trial.mean, p.eps * (1 + 1e-12));
    EXPECT_GT(trial.first, 1);
    EXPECT_LE(trial.first, static_cast<int64_t>(sizes.K));
  }
}

/// What the test above would say of a wrong schedule.
TEST(ScheduleTrial, LongerStepsMiss) {
  const Setting s;
  const auto norm = norms::spectral();
  const auto p = trial_constants(s.objective, *norm, s.X1, 0.6, 0.35);
  auto sizes = stochastic_step_sizes(p);
  sizes.eta *= 1000;
  EXPECT_GT(average(s, norm, p, sizes).mean, p.eps);
}

TEST(ScheduleTrial, GradientIsThatOfTheObjective) {
  const Setting s;
  const auto X = random_normal(kRows, kColumns, 530), D = random_normal(kRows, kColumns, 531);
  // A quadratic: the central difference is exact.
  const double slope = (s.objective.value(X + D) - s.objective.value(X - D)) / 2;
  EXPECT_NEAR(frobenius_inner(s.objective.gradient(X), D), slope, 1e-13);
  EXPECT_EQ(s.objective.value(s.objective.S), 0);
}

TEST(ScheduleTrial, ConstantsAreThoseOfTheProblem) {
  const Setting s;
  const auto p = trial_constants(s.objective, *norms::spectral(), s.X1, 0.6, 0.35);
  EXPECT_NEAR(p.rho * p.sigma, 0.35 * p.eps, 1e-14);
  EXPECT_NEAR(p.eps, 0.6 * ky_fan(s.objective.gradient(s.X1), kColumns), 1e-12);
  EXPECT_NEAR(p.delta0, s.objective.value(s.X1), 1e-14);
}

TEST(ScheduleTrial, RefusesEndlessRuns) {
  const Setting s;
  EXPECT_VALUE_ERROR(
      try_schedule(s.objective, norms::spectral(), s.X1, {}, {.K = 1e12}, at::detail::createCPUGenerator(1)),
      "too many to try");
}

}  // namespace
}  // namespace fanion::theory
