#include "fanion/theory/generalized_smoothness.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros_like.h>

#include <cmath>

#include "certificates.h"
#include "fanion/norms/frobenius.h"
#include "fanion/norms/nuclear.h"
#include "fanion/norms/spectral.h"
#include "zoo.h"

namespace fanion::theory {
namespace {

using namespace fanion::testing;

using Matrices = std::vector<at::Tensor>;
using Points = std::vector<SlopePoint>;

/// f(X) = exp⟨C, X₁⟩ + (3/2)‖X₂‖²_F: the first is (0, L₁)-smooth along a step, the second (3, 0).
struct ExponentialAndQuadratic {
  at::Tensor C = random_normal(4, 3, 620) * 0.1;
  Matrices operator()(const Matrices& X, int64_t) const { return {C * (C * X[0]).sum().exp(), 3 * X[1]}; }
};

const Matrices& start() {
  static const Matrices X = {random_normal(4, 3, 621), random_normal(5, 6, 622)};
  return X;
}

TEST(GeneralizedSmoothness, WalkFindsTheKnownConstants) {
  const ExponentialAndQuadratic f;
  for (const auto& norm : {norms::frobenius(), norms::spectral(), norms::nuclear()}) {
    SCOPED_TRACE(norm->name());
    const double step = 0.4;
    const auto slopes = slopes_along_walk(f, start(), {norm, norms::frobenius()}, {.step = step, .steps = 8});
    ASSERT_EQ(slopes.whole.size(), 8);
    const auto exponential = fit_generalized_smoothness(slopes.matrices[0]);
    // Along −lmo the exponent falls by s = step·‖C‖†, the gradient by the factor e^(−s): a slope of (1 − e^(−s))/step
    // times the gradient, at every point.
    const double s = step * norm->dual(f.C).item<double>();
    EXPECT_NEAR(exponential.L0, 0, 1e-9);
    EXPECT_NEAR(exponential.L1, (1 - std::exp(-s)) / step, 1e-9);
    const auto quadratic = fit_generalized_smoothness(slopes.matrices[1]);
    EXPECT_NEAR(quadratic.L0, 3, 1e-9);
    EXPECT_NEAR(quadratic.L1, 0, 1e-9);
    for (const auto& fit : {exponential, quadratic}) EXPECT_EQ(fit.points, 8);
    // Σ of the slopes where all ‖ΔX_i‖ are equal.
    const auto &a = slopes.matrices[0][3], &b = slopes.matrices[1][3], &both = slopes.whole[3];
    EXPECT_NEAR(both.gradient, a.gradient + b.gradient, 1e-12);
    EXPECT_NEAR(both.slope, a.slope + b.slope, 1e-9);
  }
}

TEST(GeneralizedSmoothness, EveryStepHasItsOwnBatches) {
  const auto gradient = [](const Matrices& X, int64_t batch) {
    return Matrices{X[0] * static_cast<double>(batch + 1)};
  };
  const auto slopes =
      slopes_along_walk(gradient, {random_normal(3, 3, 623)}, {norms::frobenius()}, {.steps = 3, .batches = 2});
  for (int k = 0; k < 3; ++k) EXPECT_NEAR(slopes.matrices[0][k].slope, 2 * k + 1.5, 1e-9);
}

TEST(GeneralizedSmoothness, StandingStillIsNoPoint) {
  const auto flat = [](const Matrices& X, int64_t) { return Matrices{at::zeros_like(X[0])}; };
  const auto slopes = slopes_along_walk(flat, {random_normal(3, 3, 624)}, {norms::spectral()}, {.steps = 2});
  EXPECT_TRUE(slopes.matrices[0].empty());
  EXPECT_TRUE(slopes.whole.empty());
}

/// y = 2 + 0.5x less up to a fifth, and two outliers.
Points scattered() {
  Points points;
  for (int k = 0; k < 38; ++k) {
    const double x = 0.3 * k + 0.1;
    points.push_back({x, (2 + 0.5 * x) * (1 - 0.01 * ((7 * k) % 20))});
  }
  points.push_back({1, 400});
  points.push_back({9, 300});
  return points;
}

double loss(const Points& points, double q, double L0, double L1) {
  double sum = 0;
  for (const auto& p : points) {
    const double r = p.slope - L0 - L1 * p.gradient;
    sum += std::max(q * r, (q - 1) * r);
  }
  return sum;
}

TEST(GeneralizedSmoothness, FitIsTheLeastQuantileLoss) {
  const auto points = scattered();
  for (const double q : {0.5, 0.9}) {
    const auto fit = fit_generalized_smoothness(points, q);
    const double least = loss(points, q, fit.L0, fit.L1);
    for (int i = 0; i <= 200; ++i)
      for (int j = 0; j <= 200; ++j) EXPECT_LE(least, loss(points, q, 0.02 * i, 0.005 * j) * (1 + 1e-12));
    // The first-order condition in L₀: no more than 1 − q of the points above, two of which the line goes through.
    EXPECT_LE(fit.above, std::lround((1 - q) * 40));
    EXPECT_GE(fit.above, std::lround((1 - q) * 40) - 2);
  }
}

TEST(GeneralizedSmoothness, OutliersDoNotTurnTheFit) {
  const auto fit = fit_generalized_smoothness(scattered());
  EXPECT_NEAR(fit.L0, 2, 0.15);
  EXPECT_NEAR(fit.L1, 0.5, 0.05);
  EXPECT_GE(fit.largest_excess, 300 / 7.0);
  const auto above_all = fit_generalized_smoothness(scattered(), 1);
  EXPECT_EQ(above_all.above, 0);
  EXPECT_EQ(above_all.largest_excess, 1);
  for (const auto& p : scattered()) EXPECT_LE(p.slope, (above_all.L0 + above_all.L1 * p.gradient) * (1 + 1e-12));
}

TEST(GeneralizedSmoothness, ConstantsAreNotNegative) {
  const auto falling = fit_generalized_smoothness({{1, 5}, {2, 4}, {3, 3}, {4, 2}}, 0.5);
  EXPECT_EQ(falling.L1, 0);
  EXPECT_GE(falling.L0, 3);
  EXPECT_LE(falling.L0, 4);
  const auto steep = fit_generalized_smoothness({{1, 0.5}, {2, 4}, {3, 9}, {4, 16}}, 0.5);
  EXPECT_EQ(steep.L0, 0);
  EXPECT_GT(steep.L1, 0);
}

TEST(GeneralizedSmoothness, PointsOfOneGradientAreALevel) {
  const auto fit = fit_generalized_smoothness({{2, 1}, {2, 3}, {2, 5}}, 0.5);
  EXPECT_EQ(fit.L0, 3);
  EXPECT_EQ(fit.L1, 0);
  EXPECT_EQ(fit.above, 1);
  EXPECT_NEAR(fit.largest_excess, 5.0 / 3, 1e-15);
}

TEST(GeneralizedSmoothness, StepSize) {
  EXPECT_EQ(generalized_step_size({2, 0.5, 1, 0, 1}, 4), 1);
  EXPECT_EQ(generalized_step_size({3, 0, 1, 0, 1}, 6), 2);
  EXPECT_EQ(generalized_step_size({0, 0, 1, 0, 1}, 0), 0);
  EXPECT_TRUE(std::isinf(generalized_step_size({0, 0, 1, 0, 1}, 1)));
}

TEST(GeneralizedSmoothness, RefusesBadInput) {
  const ExponentialAndQuadratic f;
  const std::vector<norms::NormPtr> norms = {norms::spectral(), norms::spectral()};
  EXPECT_VALUE_ERROR(slopes_along_walk(f, start(), {norms[0]}, {}), "2 matrices and 1 norms");
  EXPECT_VALUE_ERROR(slopes_along_walk(f, start(), norms, {.step = 0}), "step = 0");
  EXPECT_VALUE_ERROR(slopes_along_walk(f, start(), norms, {.steps = 0}), "steps = 0");
  EXPECT_VALUE_ERROR(slopes_along_walk(f, start(), norms, {.batches = 0}), "batches = 0");
  EXPECT_VALUE_ERROR(fit_generalized_smoothness({}), "at least one point");
  EXPECT_VALUE_ERROR(fit_generalized_smoothness({{1, 1}}, 1.5), "quantile = 1.5");
  EXPECT_VALUE_ERROR(fit_generalized_smoothness({{1, std::nan("")}}), "slope nan");
}

}  // namespace
}  // namespace fanion::theory
