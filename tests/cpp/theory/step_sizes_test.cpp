#include "fanion/theory/step_sizes.h"

#include "certificates.h"

namespace fanion::theory {
namespace {

using namespace fanion::testing;

constexpr double kFewOperations = 1e-14;  // a handful of float64 operations

std::vector<double> values(const std::vector<Term>& terms) {
  std::vector<double> list;
  for (const auto& term : terms) list.push_back(term.value);
  return list;
}

void expect_near(const std::vector<Term>& terms, const std::vector<double>& expected) {
  const auto got = values(terms);
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t i = 0; i < got.size(); ++i)
    EXPECT_NEAR(got[i], expected[i], kFewOperations * expected[i]) << terms[i].formula;
}

TEST(StepSizes, OfLemma6ByHand) {
  const auto s = deterministic_step_sizes({.eps = 0.5, .L = 2, .delta0 = 3});
  EXPECT_EQ(s.eta, 0.25);
  EXPECT_EQ(s.alpha, 1);
  EXPECT_EQ(s.K, 48);  // 2·2·3/0.25
}

TEST(StepSizes, OfLemma7ByHand) {
  const auto s = stochastic_step_sizes({.eps = 0.5, .L = 2, .delta0 = 3, .rho = 2, .sigma = 1});
  expect_near(s.alpha_terms, {1, 1.0 / 256});
  expect_near(s.eta_terms, {1.0 / 12, 0.125 / 1536});
  expect_near(s.K_terms, {48, 12288, 432, 442368});
  EXPECT_NEAR(s.alpha, 1.0 / 256, kFewOperations);
  EXPECT_NEAR(s.eta, 0.125 / 1536, kFewOperations);
  EXPECT_NEAR(s.K, 442368, 1);  // rounded up, of a number that rounding may put above it
}

TEST(StepSizes, EveryTermCanDecide) {
  const auto deciding = [](const ProblemConstants& p) {
    const auto K = values(stochastic_step_sizes(p).K_terms);
    return std::max_element(K.begin(), K.end()) - K.begin();
  };
  EXPECT_EQ(deciding({.eps = 1, .L = 1, .delta0 = 1e-3, .rho = 1, .sigma = 0.1}), 0);
  EXPECT_EQ(deciding({.eps = 1, .L = 1, .delta0 = 1e-3, .rho = 1, .sigma = 10}), 1);
  EXPECT_EQ(deciding({.eps = 1, .L = 1, .delta0 = 1, .rho = 1, .sigma = 0.01}), 2);
  EXPECT_EQ(deciding({.eps = 1, .L = 1, .delta0 = 10, .rho = 1, .sigma = 1}), 3);
}

TEST(StepSizes, ScheduleMakesTheBoundAtMostEps) {
  int64_t checked = 0;
  for (const double eps : {1e-3, 0.1, 7.0})
    for (const double L : {1e-4, 1.0, 300.0})
      for (const double delta0 : {0.0, 1e-3, 5.0, 1e4})
        for (const double rho : {1.0, 20.0})
          for (const double sigma : {0.0, 1e-4, 0.3, 12.0}) {
            const ProblemConstants p{.eps = eps, .L = L, .delta0 = delta0, .rho = rho, .sigma = sigma};
            const auto s = stochastic_step_sizes(p);
            const auto b = gradient_bound(p, s.eta, s.alpha, s.K);
            // The split of ε that the constants come from.
            EXPECT_LE(b.noise, eps / 2 * (1 + kFewOperations));
            for (const double part : {b.progress, b.drift, b.start}) EXPECT_LE(part, eps / 6 * (1 + kFewOperations));
            EXPECT_LE(b.total(), eps * (1 + kFewOperations));
            const auto d = deterministic_step_sizes(p);
            const ProblemConstants without_noise{.eps = eps, .L = L, .delta0 = delta0};
            EXPECT_LE(gradient_bound(without_noise, d.eta, d.alpha, d.K).total(), eps * (1 + kFewOperations));
            EXPECT_LE(d.K, s.K);
            ++checked;
          }
  EXPECT_EQ(checked, 3 * 3 * 4 * 2 * 4);
}

TEST(StepSizes, BoundByHand) {
  const auto b = gradient_bound({.eps = 1, .L = 2, .delta0 = 3, .rho = 4, .sigma = 5}, 0.1, 0.5, 60);
  EXPECT_NEAR(b.progress, 0.5, kFewOperations);
  EXPECT_NEAR(b.drift, 0.2 * 2.5, kFewOperations);
  EXPECT_NEAR(b.noise, 40 / std::sqrt(3), 40 * kFewOperations);
  EXPECT_NEAR(b.start, 40.0 / 30, kFewOperations);
}

TEST(StepSizes, WithoutNoiseScaleLikeLemma6) {
  ProblemConstants p{.eps = 0.1, .L = 3, .delta0 = 2, .rho = 5, .sigma = 0};
  const auto s = stochastic_step_sizes(p), d = deterministic_step_sizes(p);
  EXPECT_EQ(s.alpha, 1);
  EXPECT_NEAR(s.eta, d.eta / 3, kFewOperations);
  EXPECT_NEAR(s.K, 9 * d.K, 9);
  p.sigma = 1e-9;
  EXPECT_EQ(stochastic_step_sizes(p).K, s.K);
}

TEST(StepSizes, WithNoiseGrowAsEpsToTheMinusFourth) {
  ProblemConstants p{.eps = 1e-2, .L = 3, .delta0 = 2, .rho = 5, .sigma = 1};
  const double K = stochastic_step_sizes(p).K;
  p.eps /= 10;
  EXPECT_NEAR(stochastic_step_sizes(p).K / K, 1e4, 1e-3);
}

TEST(StepSizes, RefuseWhatIsOutOfRange) {
  const ProblemConstants good{.eps = 1, .L = 1, .delta0 = 1, .rho = 1, .sigma = 1};
  const auto with = [&](double ProblemConstants::* member, double value) {
    auto p = good;
    p.*member = value;
    return p;
  };
  const double nan = std::nan(""), infinity = std::numeric_limits<double>::infinity();
  for (const double bad : {0.0, -1.0, nan, infinity}) {
    EXPECT_VALUE_ERROR(stochastic_step_sizes(with(&ProblemConstants::eps, bad)), "eps = ");
    EXPECT_VALUE_ERROR(deterministic_step_sizes(with(&ProblemConstants::L, bad)), "L = ");
    EXPECT_VALUE_ERROR(stochastic_step_sizes(with(&ProblemConstants::rho, bad)), "rho = ");
  }
  for (const double bad : {-1.0, nan, infinity}) {
    EXPECT_VALUE_ERROR(stochastic_step_sizes(with(&ProblemConstants::delta0, bad)), "delta0 = ");
    EXPECT_VALUE_ERROR(stochastic_step_sizes(with(&ProblemConstants::sigma, bad)), "sigma = ");
  }
  EXPECT_VALUE_ERROR(stochastic_step_sizes(with(&ProblemConstants::eps, 1e-200)), "rescale");
  EXPECT_VALUE_ERROR(gradient_bound(good, 0, 1, 1), "eta = 0");
  EXPECT_VALUE_ERROR(gradient_bound(good, 1, 1.5, 1), "alpha = 1.5");
  EXPECT_VALUE_ERROR(gradient_bound(good, 1, 1, 0), "K = 0");
}

}  // namespace
}  // namespace fanion::theory
