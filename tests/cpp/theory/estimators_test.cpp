#include "fanion/theory/estimators.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/zeros.h>

#include "certificates.h"
#include "fanion/norms/frobenius.h"
#include "fanion/norms/max_entry.h"
#include "fanion/norms/nuclear.h"
#include "fanion/norms/spectral.h"
#include "fanion/theory/least_squares.h"
#include "fanion/theory/smoothness.h"
#include "zoo.h"

namespace fanion::theory {
namespace {

using namespace fanion::testing;

using Tensors = std::vector<at::Tensor>;

at::Generator generator(uint64_t seed) { return at::detail::createCPUGenerator(seed); }

const Tensors& point() {
  static const Tensors X = {random_normal(5, 4, 600), random_normal(3, 6, 601)};
  return X;
}

/// Two least-squares problems side by side, with normal noise of σ² = 5·4·0.3² = 1.8 and 3·6·0.1² = 0.18.
struct Noisy {
  LeastSquares first = random_least_squares(5, 4, generator(602)), second = random_least_squares(3, 6, generator(603));
  double noise = 1;

  Tensors operator()(const Tensors& X, int64_t batch) const {
    const auto seed = static_cast<uint64_t>(10 * batch);
    return {first.gradient(X[0]) + noise * 0.3 * random_normal(5, 4, 7000 + seed),
            second.gradient(X[1]) + noise * 0.1 * random_normal(3, 6, 7001 + seed)};
  }
};

TEST(Estimators, NoiseIsFoundWithinItsStandardError) {
  const auto noise = estimate_noise(Noisy{}, point(), 400);
  // Four standard errors: one estimate in 16000 is further off, and the seeds are fixed.
  EXPECT_NEAR(noise.matrices[0].value, 1.8, 4 * noise.matrices[0].standard_error);
  EXPECT_NEAR(noise.matrices[1].value, 0.18, 4 * noise.matrices[1].standard_error);
  EXPECT_NEAR(noise.whole.value, 1.98, 4 * noise.whole.standard_error);
  EXPECT_NEAR(noise.whole.value, noise.matrices[0].value + noise.matrices[1].value, 1e-12);
  // Var ½‖g − g'‖² = 2·20·0.3⁴ for normal noise.
  EXPECT_NEAR(noise.matrices[0].standard_error, std::sqrt(2 * 20 * std::pow(0.3, 4) / 200), 0.2 * 0.04);
  const auto exact = Noisy{.noise = 0}(point(), 0);
  EXPECT_LE(relative_error(noise.mean[0], exact[0]), 4 * std::sqrt(1.8 / 400) / frobenius_norm(exact[0]));
}

/// Unbiased: the average over many small estimates is σ², and their standard errors are what they scatter by.
TEST(Estimators, NoiseIsUnbiased) {
  const Noisy noisy;
  double sum = 0, squares = 0, claimed = 0;
  const int repeats = 300;
  for (int r = 0; r < repeats; ++r) {
    const auto shifted = [&](const Tensors& X, int64_t batch) { return noisy(X, 4 * r + batch); };
    const auto whole = estimate_noise(shifted, point(), 4).whole;
    sum += whole.value;
    squares += std::pow(whole.value - 1.98, 2);
    claimed += std::pow(whole.standard_error, 2);
  }
  EXPECT_NEAR(sum / repeats, 1.98, 4 * std::sqrt(squares) / repeats);
  EXPECT_NEAR(claimed / squares, 1, 0.25);
}

TEST(Estimators, WithoutNoiseFindNone) {
  const auto noise = estimate_noise(Noisy{.noise = 0}, point(), 4);
  EXPECT_EQ(noise.whole.value, 0);
  EXPECT_EQ(noise.whole.standard_error, 0);
}

TEST(Estimators, SmoothnessOfLeastSquaresIsALowerBoundAndClose) {
  const Noisy noisy;
  for (const auto& norm : {norms::frobenius(), norms::spectral(), norms::nuclear(), norms::max_entry()}) {
    SCOPED_TRACE(norm->name());
    const auto found = estimate_smoothness(noisy, point(), {norm, norm},
                                           {.step = 0.1, .batches = 2, .random_directions = 30}, generator(1));
    const double L[] = {smoothness(*norm, noisy.first.A, noisy.first.B).value,
                        smoothness(*norm, noisy.second.A, noisy.second.B).value};
    for (int i = 0; i < 2; ++i) {
      const auto& [along_lmo, along_random] = found.matrices[i];
      const double largest = std::max(along_lmo, along_random);
      EXPECT_LE(largest, L[i] * (1 + 1e-9));  // differences of float64 gradients
      EXPECT_GE(largest, L[i] / 20) << "a quadratic is as steep nearly everywhere";
    }
    // Separate problems: Σ‖Δg_i‖† over max‖D_i‖, with all ‖D_i‖ equal, is the sum of the ratios.
    EXPECT_NEAR(found.whole.along_lmo, found.matrices[0].along_lmo + found.matrices[1].along_lmo, 1e-9);
  }
}

TEST(Estimators, SmoothnessOfTheFrobeniusNormFindsTheCurvatureOfAnEigenvector) {
  // F = ½·3‖X‖²: every direction has L = 3.
  const auto gradient = [](const Tensors& X, int64_t) { return Tensors{3 * X[0]}; };
  const auto found = estimate_smoothness(gradient, {random_normal(4, 3, 610)}, {norms::frobenius()},
                                         {.step = 1e-3, .random_directions = 3}, generator(2));
  EXPECT_NEAR(found.matrices[0].along_lmo, 3, 1e-9);
  EXPECT_NEAR(found.matrices[0].along_random, 3, 1e-9);
}

TEST(Estimators, SmoothnessInFloat32CountsTheStepThatWasMade) {
  const auto gradient = [](const Tensors& X, int64_t) { return Tensors{3 * X[0].to(at::kDouble)}; };
  const auto X = (random_normal(4, 3, 611) * 100).to(at::kFloat);
  // A step near the resolution of float32 at 100: what is added is not what was asked for.
  const auto found = estimate_smoothness(gradient, {X}, {norms::frobenius()}, {.step = 1e-4}, generator(3));
  EXPECT_NEAR(found.whole.along_lmo, 3, 1e-9);
}

TEST(Estimators, ZeroGradientHasNoDirection) {
  const auto gradient = [](const Tensors& X, int64_t) { return Tensors{at::zeros_like(X[0])}; };
  const auto found = estimate_smoothness(gradient, {random_normal(4, 3, 612)}, {norms::spectral()}, {}, generator(4));
  EXPECT_TRUE(std::isnan(found.whole.along_lmo));
  EXPECT_EQ(found.whole.along_random, 0);
}

TEST(Estimators, RhoOfTheProductIsItsLeastConstant) {
  const std::vector<norms::NormPtr> both = {norms::spectral(), norms::max_entry()};
  EXPECT_NEAR(rho_of_product(both, point()), std::sqrt(4 + 18), 1e-14);
}

TEST(Estimators, RefuseBadInput) {
  const Noisy noisy;
  EXPECT_VALUE_ERROR(estimate_noise(noisy, point(), 2), "batches = 2");
  EXPECT_VALUE_ERROR(estimate_noise(noisy, point(), 5), "batches = 5");
  const auto one = [](const Tensors& X, int64_t) { return Tensors{X[0]}; };
  EXPECT_VALUE_ERROR(estimate_noise(one, point(), 4), "returned 1 tensors for 2 matrices");
  const auto wrong = [](const Tensors& X, int64_t) { return Tensors{X[1], X[0]}; };
  EXPECT_VALUE_ERROR(estimate_noise(wrong, point(), 4), "gradient 0 has shape [3, 6], its matrix [5, 4]");
  const std::vector<norms::NormPtr> norms = {norms::spectral(), norms::spectral()};
  EXPECT_VALUE_ERROR(estimate_smoothness(noisy, point(), {norms[0]}, {}, generator(5)), "2 matrices and 1 norms");
  EXPECT_VALUE_ERROR(estimate_smoothness(noisy, point(), norms, {.step = 0}, generator(5)), "step = 0");
  EXPECT_VALUE_ERROR(estimate_smoothness(noisy, point(), norms, {.batches = 0}, generator(5)), "batches = 0");
  EXPECT_VALUE_ERROR(estimate_smoothness(noisy, point(), norms, {.random_directions = -1}, generator(5)),
                     "random_directions = -1");
}

}  // namespace
}  // namespace fanion::theory
