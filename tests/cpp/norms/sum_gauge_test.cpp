#include "fanion/norms/sum_gauge.h"

#include <ATen/ops/zeros.h>

#include <algorithm>
#include <random>

#include "certificates.h"
#include "fanion/norms/dual_sum.h"
#include "fanion/norms/frobenius.h"
#include "fanion/norms/ky_fan_dual.h"
#include "fanion/norms/max_entry.h"
#include "fanion/norms/nuclear.h"
#include "fanion/norms/schatten.h"
#include "fanion/norms/spectral.h"
#include "norms/norm_cases.h"
#include "zoo.h"

namespace fanion::norms {
namespace {

using namespace fanion::testing;

struct WeightedCase {
  double weight;
  NormCase norm;
};

std::vector<WeightedNorm> parts_of(const std::vector<WeightedCase>& cases) {
  std::vector<WeightedNorm> parts;
  for (const auto& [weight, c] : cases) parts.push_back({weight, c.norm});
  return parts;
}

/// Both bounds follow from Y and Z by the oracle's norms alone, and they meet.
void expect_certified(const Gauge& gauge, const std::vector<WeightedCase>& cases, const at::Tensor& X,
                      double gap = 1e-6) {
  EXPECT_TRUE(gauge.converged);
  EXPECT_LE(gauge.lower, gauge.upper * (1 + 1e-12));
  EXPECT_LE(gauge.upper - gauge.lower, gap * gauge.lower);
  double dual = 0, largest = 0;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const auto& [weight, c] = cases[i];
    dual += weight * c.dual(gauge.Y);
    largest = std::max(largest, c.value(gauge.Z[static_cast<int64_t>(i)]) / weight);
  }
  const double tol = 1e-12;  // roundings of thousands of float64 operations
  EXPECT_LE(relative_error(gauge.Z.sum(0), X), tol);
  EXPECT_NEAR(frobenius_inner(X, gauge.Y) / dual, gauge.lower, tol * gauge.lower);
  EXPECT_NEAR(largest, gauge.upper, tol * gauge.upper);
}

NormCase case_named(int64_t m, int64_t n, const std::string& name) {
  for (const auto& c : norm_cases(m, n))
    if (c.name == name) return c;
  ADD_FAILURE() << "no norm case " << name;
  return {};
}

TEST(SumGauge, RandomSumsAreCertified) {
  std::mt19937_64 generator(601);
  const auto one_of = [&](std::size_t count) {
    return std::uniform_int_distribution<std::size_t>(0, count - 1)(generator);
  };
  const auto all = norm_cases(8, 6);
  std::vector<NormCase> usable;
  for (const auto& c : all)
    if (c.has_projection && c.solver_tol == 0 && c.name.find('+') == std::string::npos) usable.push_back(c);
  for (uint64_t trial = 0; trial < 60; ++trial) {
    std::vector<WeightedCase> cases;
    std::string names;
    for (std::size_t parts = 2 + one_of(3); cases.size() < parts;) {
      const auto& c = usable[one_of(usable.size())];
      // Weights of balls that reach about as far: 1/ρ, times up to 3 either way.
      const double weight = std::pow(3, std::uniform_real_distribution<double>(-1, 1)(generator)) / c.norm->rho(8, 6);
      cases.push_back({weight, c});
      names += c10::str(weight, "*", c.name, " ");
    }
    SCOPED_TRACE(names);
    const auto X = random_normal(8, 6, 700 + trial);
    expect_certified(sum_gauge(parts_of(cases), X), cases, X);
  }
}

TEST(SumGauge, SFamiliesAreCertifiedOverTheZoo) {
  for (const auto& [name, A] : zoo(at::kDouble)) {
    const int64_t m = A.size(0), n = A.size(1);
    const auto sign = case_named(m, n, "scaled_max_entry");
    for (const auto& first :
         {case_named(m, n, "nuclear"),
          case_named(m, n, "ky_fan_dual_" + std::to_string(std::min<int64_t>(3, std::min(m, n))))}) {
      SCOPED_TRACE(name + " " + first.name);
      const std::vector<WeightedCase> cases = {{0.6, first}, {0.4, sign}};
      const auto gauge = sum_gauge(parts_of(cases), A);
      if (frobenius_norm(A) == 0)
        EXPECT_EQ(gauge.upper, 0);
      else
        expect_certified(gauge, cases, A);
    }
  }
}

TEST(SumGauge, AgreesWithTheExactForms) {
  for (const auto& [name, A] : zoo(at::kDouble)) {
    const int64_t smaller = std::min(A.size(0), A.size(1));
    for (const auto& parts :
         std::vector<std::vector<WeightedNorm>>{{{0.3, spectral()}, {0.7, frobenius()}},
                                                {{0.6, nuclear()}, {0.4, frobenius()}},
                                                {{0.5, ky_fan_dual(std::min<int64_t>(2, smaller))}, {0.5, frobenius()}},
                                                {{0.2, spectral()}, {0.8, nuclear()}},
                                                {{0.3, max_entry()}, {0.7, frobenius()}}}) {
      SCOPED_TRACE(name + " " + dual_sum(parts)->name());
      const double exact = dual_sum(parts)->value(A).item<double>();
      const auto gauge = sum_gauge(parts, A);
      EXPECT_TRUE(gauge.converged);
      EXPECT_LE(gauge.lower, exact * (1 + 1e-12));
      EXPECT_GE(gauge.upper, exact * (1 - 1e-12));
      EXPECT_LE(gauge.upper - gauge.lower, 1e-6 * exact);
    }
  }
}

TEST(SumGauge, GoesRoundInNoCircle) {
  // Acceleration comes back to where it went wrong on these.
  struct Case {
    int64_t m, n;
    uint64_t seed;
    std::vector<WeightedCase> cases;
  };
  const auto of_two = [](int64_t m, int64_t n) {
    return std::vector<WeightedCase>{{0.5, case_named(m, n, "ky_fan_2")}, {0.5, case_named(m, n, "max_entry")}};
  };
  const auto of_three = [](int64_t m, int64_t n) {
    return std::vector<WeightedCase>{
        {0.1, case_named(m, n, "spectral")}, {0.5, case_named(m, n, "max_entry")}, {0.2, case_named(m, n, "nuclear")}};
  };
  for (const auto& [m, n, seed, cases] :
       std::vector<Case>{{20, 20, 2, of_two(20, 20)}, {20, 20, 3, of_two(20, 20)}, {16, 12, 0, of_three(16, 12)}}) {
    SCOPED_TRACE(c10::str(m, " x ", n, " seed ", seed));
    const auto X = random_normal(m, n, seed);
    expect_certified(sum_gauge(parts_of(cases), X, {.max_iterations = 3000}), cases, X);
  }
}

TEST(SumGauge, SaysWhenItDidNotConverge) {
  const auto X = random_normal(9, 7, 602);
  const std::vector<WeightedNorm> parts = {{0.5, spectral()}, {0.5, max_entry()}};
  const auto gauge = sum_gauge(parts, X, {.tol = 1e-6, .max_iterations = 3});
  EXPECT_FALSE(gauge.converged);
  EXPECT_EQ(gauge.iterations, 3);
  EXPECT_GT(gauge.upper, gauge.lower * (1 + 1e-6));
  const auto better = sum_gauge(parts, X);
  EXPECT_LE(gauge.lower, better.upper) << "loose bounds are bounds all the same";
  EXPECT_GE(gauge.upper, better.lower);
  const auto tight = sum_gauge(parts, X, {.tol = 1e-9});
  EXPECT_TRUE(tight.converged);
  EXPECT_LE(tight.upper - tight.lower, 1e-9 * tight.lower);
}

TEST(SumGauge, RefusesWhatItCannotDo) {
  const auto X = random_normal(9, 7, 603);
  EXPECT_VALUE_ERROR(sum_gauge({{1, spectral()}, {1, max_entry()}}, X, {.tol = 0}), "needs tol > 0");
  EXPECT_VALUE_ERROR(sum_gauge({{1, spectral()}, {1, max_entry()}}, X, {.max_iterations = 0}), "max_iterations > 0");
  EXPECT_VALUE_ERROR(dual_sum({{1, spectral()}, {1, schatten(3)}})->value(X),
                     "no projection onto the unit ball of schatten");
}

TEST(SumGauge, IsTheValueOfTheSumInEveryDtype) {
  const auto X = random_normal(9, 7, 604);
  const auto s_muon = dual_sum({{0.5, spectral()}, {0.5, max_entry()}});
  const double value = s_muon->value(X).item<double>();
  EXPECT_NEAR(s_muon->value(X.to(at::kFloat)).item<double>(), value, 2e-6 * value);
  EXPECT_EQ(s_muon->value(X.to(at::kBFloat16)).scalar_type(), at::kFloat);
  EXPECT_NEAR(s_muon->value(1e30 * X).item<double>(), 1e30 * value, 2e24 * value);
  EXPECT_EQ(s_muon->value(at::zeros({3, 2})).item<double>(), 0);
}

}  // namespace
}  // namespace fanion::norms
