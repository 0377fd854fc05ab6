#include "fanion/norms/dual_sum.h"

#include "certificates.h"
#include "fanion/norms/frobenius.h"
#include "fanion/norms/ky_fan_dual.h"
#include "fanion/norms/max_entry.h"
#include "fanion/norms/nuclear.h"
#include "fanion/norms/spectral.h"
#include "zoo.h"

namespace fanion::norms {
namespace {

using namespace fanion::testing;

/// The nearest point to s in {0 ≤ x ≤ cap, Σx ≤ budget}: clip(s − θ, 0, cap) with θ from the exact piecewise
/// linear equation Σ clip(s − θ, 0, cap) = budget, found by walking its breakpoints.
std::vector<double> projected(const std::vector<double>& s, double cap, double budget) {
  const auto at_theta = [&](double theta) {
    std::vector<double> x;
    for (const double v : s) x.push_back(std::clamp(v - theta, 0.0, cap));
    return x;
  };
  const auto total = [&](double theta) {
    double sum = 0;
    for (const double v : at_theta(theta)) sum += v;
    return sum;
  };
  if (total(0) <= budget) return at_theta(0);
  std::vector<double> breaks = {0};
  for (const double v : s)
    for (const double b : {v, v - cap})
      if (b > 0) breaks.push_back(b);
  std::sort(breaks.begin(), breaks.end());
  std::size_t i = 1;
  while (total(breaks[i]) > budget) ++i;
  const double low = breaks[i - 1], high = breaks[i], at_low = total(low), at_high = total(high);
  return at_theta(low + (high - low) * (at_low - budget) / (at_low - at_high));
}

/// A certificate for the gauge t of a·{max(Σσ/k, σ₁) ≤ 1} + b·{‖·‖_F ≤ 1} at singular values s: a decomposition
/// s = x + d proves gauge ≤ `upper`, and the matrix d proves gauge ≥ ⟨s, d⟩/‖d‖† = `lower`.
struct Bounds {
  double lower, upper;
};
Bounds gauge_bounds(const std::vector<double>& s, int64_t k, double a, double b, double t) {
  const auto x = projected(s, a * t, static_cast<double>(k) * a * t);
  double sum_x = 0, squares = 0, product = 0, top = 0;
  for (std::size_t i = 0; i < s.size(); ++i) {
    const double d = s[i] - x[i];  // descending, as s is
    sum_x += x[i], squares += d * d, product += s[i] * d;
    if (static_cast<int64_t>(i) < k) top += d;
  }
  const double rest = std::sqrt(squares);
  return {product / (a * top + b * rest), std::max({x[0] / a, sum_x / (static_cast<double>(k) * a), rest / b})};
}

TEST(DualSum, ValueIsCertifiedFromBothSides) {
  for (const auto& [name, A] : whole_zoo()) {
    const int64_t smaller = std::min(A.size(0), A.size(1));
    const auto s = exact_singular_values(A);
    for (const int64_t k : {int64_t{1}, int64_t{3}, smaller}) {
      if (k > smaller) continue;
      const auto part = k == 1 ? nuclear() : k == smaller ? spectral() : ky_fan_dual(k);
      for (const double alpha : {0.05, 0.5, 0.95}) {
        SCOPED_TRACE(name + " k=" + std::to_string(k) + " alpha=" + std::to_string(alpha));
        const auto norm = dual_sum({{alpha, part}, {1 - alpha, frobenius()}});
        const double t = norm->value(A).item<double>();
        if (s[0] == 0) {
          EXPECT_EQ(t, 0);
          continue;
        }
        const auto [lower, upper] = gauge_bounds(s, k, alpha, 1 - alpha, t);
        // The singular values are found to about 10·eps; the distance ‖d‖ moves by √r·α/(1−α) ≤ 120 times as much.
        const double tol = 2000 * working_eps(A.scalar_type());
        EXPECT_GE(t, lower * (1 - tol));
        EXPECT_LE(t, upper * (1 + tol));
        EXPECT_LE(upper, lower * (1 + tol)) << "the bounds do not meet, so t is not the gauge";
      }
    }
  }
}

TEST(DualSum, EndsAreThePureNorms) {
  for (const auto& [name, A] : whole_zoo()) {
    SCOPED_TRACE(name);
    for (const auto& pure : {spectral(), nuclear(), max_entry()})
      for (const auto& other : {frobenius(), max_entry()}) {
        EXPECT_TRUE(same_bits(dual_sum({{1, pure}, {0, other}})->value(A), pure->value(A)));
        EXPECT_TRUE(same_bits(dual_sum({{0, pure}, {1, other}})->value(A), other->value(A)));
        // Some have the norm 1, of which rounding says whether they lie in the ball.
        const auto beside = A * 1.25;
        EXPECT_TRUE(same_bits(dual_sum({{1, pure}, {0, other}})->project(beside), pure->project(beside)));
      }
  }
}

TEST(DualSum, FirstAndLastKyFanAreNuclearAndSpectral) {
  for (const auto& [name, A] : zoo(at::kDouble)) {
    SCOPED_TRACE(name);
    const auto value = [&](const NormPtr& norm) {
      return dual_sum({{0.3, norm}, {0.7, frobenius()}})->value(A).item<double>();
    };
    EXPECT_EQ(value(ky_fan_dual(1)), value(nuclear()));
    EXPECT_EQ(value(ky_fan_dual(std::min(A.size(0), A.size(1)))), value(spectral()));
  }
}

TEST(DualSum, ExactFormsHaveNoGapAndOthersAtMostTheirTolerance) {
  const auto A = random_normal(9, 7, 74);
  for (const auto& parts : std::vector<std::vector<WeightedNorm>>{{{2, spectral()}},
                                                                  {{0.3, spectral()}, {0.7, frobenius()}},
                                                                  {{0.3, max_entry()}, {0.7, frobenius()}},
                                                                  {{0.3, spectral()}, {0.7, nuclear()}}}) {
    const auto gauge = dual_sum_gauge(parts, A);
    EXPECT_EQ(gauge.lower, gauge.upper);
    EXPECT_EQ(gauge.upper, dual_sum(parts)->value(A).item<double>());
  }
  const auto s_muon = dual_sum_gauge({{0.5, spectral()}, {0.5, max_entry()}}, A, {.tol = 1e-8});
  EXPECT_TRUE(s_muon.converged);
  EXPECT_GT(s_muon.iterations, 0);
  EXPECT_LE(s_muon.upper - s_muon.lower, 1e-8 * s_muon.lower);
}

TEST(DualSum, WeightsScaleTheBall) {
  const auto A = random_normal(9, 7, 71);
  const double once = dual_sum({{0.4, nuclear()}, {0.6, frobenius()}})->value(A).item<double>();
  const double thrice = dual_sum({{1.2, nuclear()}, {1.8, frobenius()}})->value(A).item<double>();
  EXPECT_NEAR(thrice, once / 3, 1e-14 * once);
}

TEST(DualSum, NestedSumsAreOneSum) {
  const auto inner_sum = dual_sum({{0.5, spectral()}, {0.5, frobenius()}});
  const auto nested = dual_sum({{0.4, inner_sum}, {0.6, frobenius()}});
  const auto flat = dual_sum({{0.2, spectral()}, {0.8, frobenius()}});
  const auto A = random_normal(9, 7, 72);
  EXPECT_NEAR(nested->value(A).item<double>(), flat->value(A).item<double>(), 1e-14 * frobenius_norm(A));
  EXPECT_NEAR(nested->dual(A).item<double>(), flat->dual(A).item<double>(), 1e-13 * frobenius_norm(A));
  EXPECT_LE(relative_error(to_dense(nested->lmo(A), A), to_dense(flat->lmo(A), A)), 1e-14);
}

TEST(DualSum, RefusesWhatIsNoNormBallAndPartsThatDoNotFit) {
  EXPECT_VALUE_ERROR(dual_sum({}), "positive weight");
  EXPECT_VALUE_ERROR(dual_sum({{0, spectral()}}), "positive weight");
  EXPECT_VALUE_ERROR(dual_sum({{-0.1, spectral()}, {1.1, frobenius()}}), "weight >= 0");
  EXPECT_VALUE_ERROR(dual_sum({{std::nan(""), spectral()}}), "weight >= 0");
  EXPECT_VALUE_ERROR(dual_sum({{1, nullptr}}), "needs a norm");
  const auto A = random_normal(9, 7, 73);
  const auto too_large = dual_sum({{1, ky_fan_dual(8)}, {1, frobenius()}});
  EXPECT_VALUE_ERROR(too_large->dual(A), "k = 8 is out of range");
  EXPECT_VALUE_ERROR(too_large->value(A), "k = 8 is out of range");
  EXPECT_VALUE_ERROR(too_large->lmo(A), "k = 8 is out of range");
}

}  // namespace
}  // namespace fanion::norms
