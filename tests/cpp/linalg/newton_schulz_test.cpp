#include "fanion/linalg/newton_schulz.h"

#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include "certificates.h"
#include "linalg/all_steps.h"
#include "zoo.h"

namespace fanion::linalg {
namespace {

using namespace fanion::testing;

constexpr Quintic kQuintic = {3.4445, -4.7750, 2.0315};

/// Five steps at slopes up to 3.4445 amplify rounding at zero by 3.4445^5 = 485.
double tolerance(at::ScalarType dtype) { return 2 * 485 * working_eps(dtype); }

TEST(NewtonSchulz, DefaultsAreTheSetQuintic) {
  const auto& quintic = coefficient_set("quintic");
  EXPECT_EQ(quintic.coefficients, NewtonSchulzOptions().coefficients);
  EXPECT_EQ(quintic.steps, NewtonSchulzOptions().steps);
}

TEST(NewtonSchulz, EveryNamedSetAgreesWithTheReference) {
  const auto M = with_spectrum(24, 36, geometric(24, 0.7), 58);
  for (const auto& set : coefficient_sets()) {
    const auto steps = all_steps(set);
    double gain = 1;
    for (const auto& step : steps) gain *= step[0];
    const auto X = newton_schulz(M, {.coefficients = set.coefficients, .steps = set.steps});
    // Rounding of a few eps at zero, times the slopes; `cubic` has the largest gain, 5000.
    EXPECT_LE(relative_error(X, newton_schulz_reference(M, steps)), 10 * gain * working_eps(at::kDouble)) << set.name;
  }
}

TEST(NewtonSchulz, AgreesWithTheReference) {
  for (const auto& [name, A] : whole_zoo()) {
    SCOPED_TRACE(name);
    for (const int64_t steps : {1, 5}) {
      const auto exact = newton_schulz_reference(A, kQuintic, steps);
      const auto X = newton_schulz(A, {.steps = steps});
      EXPECT_EQ(X.scalar_type(), A.scalar_type() == at::kDouble ? at::kDouble : at::kFloat);
      EXPECT_LE(relative_error(X, exact), tolerance(A.scalar_type()));
    }
  }
}

TEST(NewtonSchulz, MapsEverySingularValueByTheQuintic) {
  for (const auto& [name, A] : whole_zoo()) {
    SCOPED_TRACE(name);
    const auto before = exact_singular_values(A), after = exact_singular_values(newton_schulz(A));
    const double size = std::max(frobenius_norm(A), 1e-300);
    std::vector<double> expected;
    for (const double s : before) expected.push_back(quintic_chain(s / size, kQuintic, 5));
    std::sort(expected.rbegin(), expected.rend());
    for (std::size_t i = 0; i < after.size(); ++i) EXPECT_NEAR(after[i], expected[i], tolerance(A.scalar_type()));
  }
}

TEST(NewtonSchulz, ZeroGivesZero) {
  for (const auto dtype : {at::kDouble, at::kFloat, at::kBFloat16, at::kHalf}) {
    const auto zero = at::zeros({3, 4}, dtype);
    EXPECT_EQ(frobenius_norm(newton_schulz(zero)), 0) << dtype;
    EXPECT_EQ(frobenius_norm(newton_schulz(zero, {.dtype = dtype})), 0) << dtype;
  }
}

TEST(NewtonSchulz, ScaleOfTheInputDoesNotMatter) {
  const auto M = random_normal(20, 30, 51);
  for (const auto dtype : {at::kDouble, at::kFloat, at::kBFloat16}) {
    const auto exact = newton_schulz(M.to(dtype), {});
    for (const double scale : {0x1p-100, 0x1p+100})  // 1e-30 and 1e30 as powers of two: scaling is then exact
      EXPECT_LE(relative_error(newton_schulz((M * scale).to(dtype)), exact), tolerance(dtype)) << scale;
  }
}

TEST(NewtonSchulz, NarrowProductsKeepTheScaleToo) {
  const auto M = random_normal(20, 30, 51).to(at::kFloat);
  const auto exact = newton_schulz(M);
  for (const auto dtype : {at::kBFloat16, at::kHalf})
    for (const double scale : {0x1p-100, 1.0, 0x1p+100}) {
      const auto X = newton_schulz(M * scale, {.dtype = dtype});
      EXPECT_EQ(X.scalar_type(), dtype);
      // 15 products in 8 bits (bfloat16) or 11 bits (float16), amplified by the slopes as above.
      EXPECT_LE(relative_error(X, exact), 0.1) << dtype << " " << scale;
    }
}

TEST(NewtonSchulz, EpsShrinksSmallMatricesAsTorchDoes) {
  const auto M = random_normal(6, 8, 52);
  const auto small = M * (1e-9 / frobenius_norm(M));
  const auto X = newton_schulz(small, {.eps = 1e-7});
  EXPECT_LE(frobenius_norm(X), 486 * 1e-2) << "1e-9/1e-7 times the slope at zero";
  EXPECT_LE(relative_error(newton_schulz(M, {.eps = 1e-7}), newton_schulz(M)), 0) << "eps is a floor, not a summand";
}

TEST(NewtonSchulz, BatchEqualsItsSlices) {
  for (const auto& shape : {std::pair{12, 20}, std::pair{20, 12}}) {
    const auto batch =
        at::stack({random_normal(shape.first, shape.second, 53), 1e-6 * random_normal(shape.first, shape.second, 54),
                   at::zeros({shape.first, shape.second}, at::kDouble)});
    const auto X = newton_schulz(batch);
    ASSERT_EQ(X.sizes(), batch.sizes());
    for (int64_t i = 0; i < 3; ++i)
      EXPECT_LE(relative_error(X[i], newton_schulz(batch[i])), tolerance(at::kDouble)) << i;
  }
}

TEST(NewtonSchulz, InputIsNeverWrittenTo) {
  for (const auto& [name, A] : whole_zoo()) {
    const auto before = A.clone();
    newton_schulz(A);
    newton_schulz(A, {.dtype = A.scalar_type()});
    EXPECT_TRUE(same_bits(A, before)) << name;
  }
}

TEST(NewtonSchulz, CommutesWithTransposition) {
  const auto M = random_normal(14, 9, 55);
  EXPECT_LE(relative_error(newton_schulz(M.t()), newton_schulz(M).t()), tolerance(at::kDouble));
}

TEST(NewtonSchulz, OneTriplePerStepIsUsedInOrder) {
  const auto M = random_normal(8, 8, 56);
  const Quintic first = {2, -1, 0.2}, second = {1.5, -0.5, 0};
  const auto exact = newton_schulz_reference(M, first, 1);
  auto then = newton_schulz(M, {.coefficients = {first, second}, .steps = 2});
  const auto sigma = exact_singular_values(exact), after = exact_singular_values(then);
  std::vector<double> expected;
  for (const double s : sigma) expected.push_back(quintic_chain(s, second, 1));
  std::sort(expected.rbegin(), expected.rend());
  for (std::size_t i = 0; i < after.size(); ++i) EXPECT_NEAR(after[i], expected[i], tolerance(at::kDouble));
}

TEST(NewtonSchulz, RefusesWhatItCannotDo) {
  const auto M = random_normal(4, 4, 57);
  EXPECT_VALUE_ERROR(newton_schulz(at::ones({4}, at::kDouble)), "(b, m, n)");
  EXPECT_VALUE_ERROR(newton_schulz(at::ones({1, 1, 4, 4}, at::kDouble)), "(b, m, n)");
  EXPECT_VALUE_ERROR(newton_schulz(at::ones({4, 4}, at::kLong)), "floating-point");
  EXPECT_VALUE_ERROR(newton_schulz(M, {.steps = 0}), "steps = 0");
  EXPECT_VALUE_ERROR(newton_schulz(M, {.coefficients = {kQuintic, kQuintic}, .steps = 5}), "2 coefficient triples");
  EXPECT_VALUE_ERROR(newton_schulz(M, {.coefficients = {}}), "0 coefficient triples");
  EXPECT_VALUE_ERROR(newton_schulz(M, {.eps = -1}), "eps");
  EXPECT_VALUE_ERROR(newton_schulz_form_from_name("fast"), "auto, direct, gram");
}

TEST(NewtonSchulz, FromTheSchatten4Norm) {
  for (const auto& M : {random_normal(12, 20, 371), random_normal(20, 12, 372)}) {
    auto X = M / std::sqrt(frobenius_norm(at::matmul(M, M.t())));
    for (int64_t step = 0; step < 3; ++step) {
      const auto XXt = at::matmul(X, X.t());
      X = 3.4445 * X + at::matmul(-4.7750 * XXt + 2.0315 * at::matmul(XXt, XXt), X);
    }
    for (const auto form : {NewtonSchulzForm::direct, NewtonSchulzForm::gram}) {
      const NewtonSchulzOptions options{.steps = 3, .form = form, .norm = NewtonSchulzNorm::schatten_4};
      EXPECT_LE(relative_error(newton_schulz(M, options), X), 1e-12) << name_of(form);
      EXPECT_LE(relative_error(newton_schulz(1e200 * M, options), X), 1e-12) << name_of(form);
      const auto batch = newton_schulz(at::stack({M, at::zeros_like(M)}), options);
      EXPECT_LE(relative_error(batch[0], X), 1e-12) << name_of(form);
      EXPECT_EQ(frobenius_norm(batch[1]), 0) << name_of(form);
      auto narrow = options;
      narrow.dtype = form == NewtonSchulzForm::gram ? at::kHalf : at::kBFloat16;
      EXPECT_LE(relative_error(newton_schulz(M.to(at::kFloat), narrow), X), 0.05) << name_of(form);
    }
  }
  EXPECT_VALUE_ERROR(newton_schulz_norm_from_name("spectral"), "choose one of: frobenius, schatten_4");
}

}  // namespace
}  // namespace fanion::linalg
