#include "fanion/linalg/polar/gram_newton_schulz.h"

#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include "certificates.h"
#include "fanion/linalg/newton_schulz.h"
#include "linalg/all_steps.h"
#include "zoo.h"

namespace fanion::linalg {
namespace {

using namespace fanion::testing;

constexpr Quintic kTorchQuintic = {3.4445, -4.7750, 2.0315};
using Restarts = std::vector<std::size_t>;

double unit_roundoff(at::ScalarType dtype) {
  return dtype == at::kDouble ? 0x1p-53 : dtype == at::kFloat ? 0x1p-24 : dtype == at::kHalf ? 0x1p-11 : 0x1p-8;
}

/// 5·u·Σ(Πa)² over the runs, as documented.
double stated_distance(const std::vector<Quintic>& steps, at::ScalarType dtype) {
  auto restarts = gram_restarts(steps, dtype);
  restarts.push_back(steps.size());
  double sum = 0, gain = 1;
  for (std::size_t i = 0, run = 0; i < steps.size(); ++i) {
    gain *= steps[i][0];
    if (i + 1 != restarts[run]) continue;
    sum += gain * gain, gain = 1, ++run;
  }
  return 5 * unit_roundoff(dtype) * sum;
}

double spectral_distance(const at::Tensor& A, const at::Tensor& B) { return exact_singular_values(A - B)[0]; }

TEST(GramNewtonSchulz, IsWithinTheStatedDistanceOfTheDirectForm) {
  for (const auto& [name, A] : whole_zoo()) {
    if (A.scalar_type() == at::kBFloat16) continue;  // widened to float32: nothing new
    for (const auto& set : coefficient_sets()) {
      SCOPED_TRACE(c10::str(name, " ", set.name));
      const auto steps = all_steps(set);
      const auto exact = newton_schulz_reference(A, steps);
      NewtonSchulzOptions options{.coefficients = set.coefficients, .steps = set.steps};
      const double direct = spectral_distance(newton_schulz(A, options).to(at::kDouble), exact);
      options.form = NewtonSchulzForm::gram;
      const auto X = newton_schulz(A, options);
      ASSERT_EQ(X.sizes(), A.sizes());
      EXPECT_EQ(X.scalar_type(), A.scalar_type());
      EXPECT_LE(spectral_distance(X.to(at::kDouble), exact), direct + stated_distance(steps, A.scalar_type()));
    }
  }
}

TEST(GramNewtonSchulz, SixteenBitsStayNearTheDirectForm) {
  for (const auto& [specimen, A] : zoo(at::kFloat))
    for (const auto dtype : {at::kHalf, at::kBFloat16})
      for (const auto* name : {"quintic", "you", "polar-express-1.02", "polar-express-1.05"}) {
        SCOPED_TRACE(c10::str(specimen, " ", name, " ", dtype));
        const auto& set = coefficient_set(name);
        const auto exact = newton_schulz_reference(A, all_steps(set));
        NewtonSchulzOptions options{.coefficients = set.coefficients, .steps = set.steps, .dtype = dtype};
        const double direct = spectral_distance(newton_schulz(A, options).to(at::kDouble), exact);
        options.form = NewtonSchulzForm::gram;
        const auto X = newton_schulz(A, options);
        EXPECT_EQ(X.scalar_type(), dtype);
        // Without restarts this is 0.5 to infinity: noise of u, times (Πa)² = 2e5 and more.
        EXPECT_LE(spectral_distance(X.to(at::kDouble), exact), 2 * direct + (dtype == at::kHalf ? 0.05 : 0.25));
      }
}

TEST(GramNewtonSchulz, RestartsWhereNoiseWouldGrow) {
  const std::vector<Quintic> five(5, kTorchQuintic);
  EXPECT_EQ(gram_restarts(five, at::kDouble), Restarts{});
  EXPECT_EQ(gram_restarts(five, at::kFloat), Restarts{4});
  EXPECT_EQ(gram_restarts(five, at::kHalf), (Restarts{2, 4}));
  EXPECT_EQ(gram_restarts(five, at::kBFloat16), (Restarts{2, 4}));
  EXPECT_EQ(gram_restarts({kTorchQuintic}, at::kBFloat16), Restarts{});
  for (const auto dtype : {at::kDouble, at::kFloat, at::kHalf, at::kBFloat16})
    for (const auto& set : coefficient_sets()) {
      const auto steps = all_steps(set);
      auto restarts = gram_restarts(steps, dtype);
      double noise = unit_roundoff(dtype);
      std::size_t run = 0;
      restarts.push_back(steps.size() + 1);
      for (std::size_t i = 1; i < steps.size(); ++i) {
        noise *= steps[i - 1][0] * steps[i - 1][0];
        if (restarts[run] == i) {
          EXPECT_GT(noise, gram_noise(dtype)) << set.name << ": a restart that is not needed, before " << i;
          noise = unit_roundoff(dtype), ++run;
        }
        EXPECT_LE(noise, gram_noise(dtype)) << set.name << " before " << i;
      }
    }
}

TEST(GramNewtonSchulz, StaysWithinTheBoundsOfItsSet) {
  for (const auto dtype : {at::kDouble, at::kFloat, at::kHalf}) {
    const auto M = with_spectrum(20, 90, geometric(20, 0.8), 71);  // all above 3e-3·‖M‖_F
    for (const auto* name : {"quintic", "you", "polar-express-1.02", "polar-express-1.05"}) {
      const auto& set = coefficient_set(name);
      const auto sigma = exact_singular_values(newton_schulz(
          M, {.coefficients = set.coefficients, .steps = set.steps, .dtype = dtype, .form = NewtonSchulzForm::gram}));
      const double rounding = 50 * unit_roundoff(dtype);  // of ten and more products, at slopes around 1
      EXPECT_LE(sigma.front(), set.high + rounding) << name << " " << dtype;
      EXPECT_GE(sigma.back(), set.low - rounding) << name << " " << dtype;
    }
  }
}

TEST(GramNewtonSchulz, BatchEqualsItsSlices) {
  for (const auto& shape : {std::pair{12, 40}, std::pair{40, 12}}) {
    const auto batch =
        at::stack({random_normal(shape.first, shape.second, 72), 1e-6 * random_normal(shape.first, shape.second, 73),
                   at::zeros({shape.first, shape.second}, at::kDouble)});
    const NewtonSchulzOptions options{.form = NewtonSchulzForm::gram};
    const auto X = newton_schulz(batch, options);
    ASSERT_EQ(X.sizes(), batch.sizes());
    for (int64_t i = 0; i < 3; ++i) EXPECT_LE(relative_error(X[i], newton_schulz(batch[i], options)), 1e-12) << i;
    EXPECT_EQ(frobenius_norm(X[2]), 0);
  }
}

TEST(GramNewtonSchulz, ScaleAndTranspositionDoNotMatter) {
  const auto M = random_normal(15, 50, 74);
  const NewtonSchulzOptions options{.form = NewtonSchulzForm::gram};
  const auto X = newton_schulz(M, options);
  EXPECT_LE(relative_error(newton_schulz(M.t(), options).t(), X), 1e-12);
  for (const double scale : {0x1p-100, 0x1p+100})  // powers of two: exact
    EXPECT_LE(relative_error(newton_schulz(M * scale, options), X), 1e-12) << scale;
}

TEST(GramNewtonSchulz, InputIsNeverWrittenTo) {
  for (const auto& [name, A] : whole_zoo()) {
    const auto before = A.clone();
    newton_schulz(A, {.dtype = A.scalar_type(), .form = NewtonSchulzForm::gram});
    EXPECT_TRUE(same_bits(A, before)) << name;
  }
}

TEST(GramNewtonSchulz, RefusesWhatItCannotDo) {
  EXPECT_VALUE_ERROR(gram_newton_schulz(random_normal(5, 4, 75), {kTorchQuintic}), "m <= n, got [5, 4]");
  const std::vector<Quintic> steep(3, {8, -22, 15});
  EXPECT_VALUE_ERROR(gram_newton_schulz(random_normal(4, 5, 76).to(at::kBFloat16), steep),
                     "would restart after every one of these 3 steps");
  EXPECT_NO_THROW(gram_newton_schulz(random_normal(4, 5, 76).to(at::kBFloat16), {steep[0]}));
}

}  // namespace
}  // namespace fanion::linalg
