// max ⟨D, A D B⟩ over every norm's unit ball: bounds hold for every direction, exact values are attained.

#include "fanion/theory/smoothness.h"

#include <ATen/ops/diag.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include "certificates.h"
#include "fanion/norms/col_norm.h"
#include "fanion/norms/dual_sum.h"
#include "fanion/norms/entry_sum.h"
#include "fanion/norms/f_star_rms.h"
#include "fanion/norms/f_star_sum.h"
#include "fanion/norms/frobenius.h"
#include "fanion/norms/ky_fan.h"
#include "fanion/norms/ky_fan_dual.h"
#include "fanion/norms/max_entry.h"
#include "fanion/norms/nuclear.h"
#include "fanion/norms/rms_to_rms.h"
#include "fanion/norms/row_norm.h"
#include "fanion/norms/scaled_max_entry.h"
#include "fanion/norms/schatten.h"
#include "fanion/norms/spectral.h"
#include "norms/norm_cases.h"
#include "zoo.h"

namespace fanion::theory {
namespace {

using namespace fanion::testing;
using norms::QuadraticForm;

constexpr double kFormRounding = 1e-11;  // eigenvalues and a few products of small matrices

at::Tensor gram(const at::Tensor& G) { return at::matmul(G, G.t()); }

/// A form on m × n matrices, rank-deficient where rank < m.
QuadraticForm random_form(int64_t m, int64_t n, uint64_t seed, int64_t rank = 100) {
  return {gram(random_normal(m, std::min(m, rank), seed)), gram(random_normal(n, n, seed + 1))};
}

at::Tensor through(const QuadraticForm& form, const at::Tensor& D) {
  return at::matmul(at::matmul(form.A(), D), form.B());
}
double at_point(const QuadraticForm& form, const at::Tensor& D) { return frobenius_inner(D, through(form, D)); }

at::Tensor entry(int64_t m, int64_t n, int64_t i, int64_t j) {
  const auto E = at::zeros({m, n}, at::kDouble);
  E[i][j] = 1;
  return E;
}

/// Where D ← −lmo(A D B) leads from D: the form, being convex, never falls on the way.
double ascend(const QuadraticForm& form, const norms::MatrixNorm& norm, at::Tensor D) {
  double before = -1, value = 0;
  for (int step = 0; step < 300 && value > before * (1 + 1e-10); ++step) {
    const auto G = through(form, D);
    before = value;
    D = -to_dense(norm.lmo(G), G);
    value = at_point(form, D);
  }
  return value;
}

/// The best of ascents from all entries and a few random matrices.
double ascended(const QuadraticForm& form, const norms::MatrixNorm& norm) {
  double best = 0;
  for (int64_t i = 0; i < form.rows(); ++i)
    for (int64_t j = 0; j < form.cols(); ++j)
      best = std::max(best, ascend(form, norm, entry(form.rows(), form.cols(), i, j)));
  for (uint64_t seed = 0; seed < 6; ++seed)
    best = std::max(best, ascend(form, norm, random_normal(form.rows(), form.cols(), 300 + seed)));
  return best;
}

void expect_bounds_and_attains(const QuadraticForm& form, const NormCase& c) {
  SCOPED_TRACE(c.name);
  const auto L = c.norm->maximum(form);
  const double best = ascended(form, *c.norm);
  EXPECT_LE(best, L.value * (1 + kFormRounding + c.solver_tol)) << L.how;
  if (!L.exact) return;
  EXPECT_GE(best, L.value * (1 - 1e-6 - c.solver_tol)) << L.how;  // ascents stop when they are slow
}

TEST(Smoothness, ExactValuesAreAttainedAndBoundsHoldAtTheBestPoints) {
  for (const auto& [m, n] : {std::pair(5, 4), {3, 6}, {1, 4}, {4, 1}, {1, 1}}) {
    SCOPED_TRACE(c10::str(m, " x ", n));
    for (const auto& c : norm_cases(m, n)) expect_bounds_and_attains(random_form(m, n, 400 + m), c);
  }
}

TEST(Smoothness, HoldsForRankDeficientForms) {
  for (const auto& c : norm_cases(4, 3)) {
    expect_bounds_and_attains(random_form(4, 3, 410, /*rank=*/2), c);
    EXPECT_EQ(c.norm->maximum({at::zeros({4, 4}, at::kDouble), gram(random_normal(3, 3, 411))}).value, 0) << c.name;
  }
}

TEST(Smoothness, BoundsThousandsOfRandomDirections) {
  const int64_t m = 6, n = 4;
  const auto form = random_form(m, n, 420);
  for (const auto& c : norm_cases(m, n)) {
    if (!c.has_value) continue;
    SCOPED_TRACE(c.name);
    const double L = c.norm->maximum(form).value;
    for (uint64_t seed = 0; seed < 700; seed += c.has_exact_value() ? 1 : 100) {  // iterated values are slow
      const auto normal = random_normal(m, n, 1000 + seed);
      const auto low_rank =
          at::matmul(random_normal(m, 1 + seed % 3, 3000 + seed), random_normal(1 + seed % 3, n, seed));
      const auto sparse = normal * (normal.abs() > 1.2);
      for (const auto& D : {normal, low_rank, sparse}) {
        const double size = c.norm->value(D).item<double>();
        EXPECT_LE(at_point(form, D), L * size * size * (1 + kFormRounding));
        if (seed % 10 == 0) {
          EXPECT_LE(c.norm->dual(through(form, D)).item<double>(), L * size * (1 + kFormRounding))
              << "the bound that defines L";
        }
      }
    }
  }
}

TEST(Smoothness, ByHand) {
  const auto A = at::diag(at::ones({3}, at::kDouble).cumsum(0));      // 1, 2, 3
  const auto B = at::diag(at::ones({2}, at::kDouble).cumsum(0) * 2);  // 2, 4
  const auto expect = [&](const norms::NormPtr& norm, double value, bool exact) {
    const auto L = smoothness(*norm, A, B);
    EXPECT_NEAR(L.value, value, kFormRounding * value) << norm->name();
    EXPECT_EQ(L.exact, exact) << norm->name();
  };
  expect(norms::frobenius(), 12, true);
  expect(norms::nuclear(), 12, true);
  expect(norms::spectral(), 3 * 4 + 2 * 2, true);
  expect(norms::ky_fan_dual(1), 12, true);
  expect(norms::ky_fan_dual(2), 16, true);
  expect(norms::rms_to_rms(), 1.5 * 16, true);
  expect(norms::ky_fan(1), 16, true);
  expect(norms::ky_fan(2), 12, true);
  expect(norms::schatten(1.5), 12, true);
  expect(norms::schatten(4), std::sqrt(12 * 12 + 4 * 4), true);
  expect(norms::f_star_rms(), 12, true);
  expect(norms::f_star_sum(), 12, true);
  expect(norms::entry_sum(), 12, true);
  expect(norms::max_entry(), 6 * 6, true);
  expect(norms::scaled_max_entry(), 6 * 6 * 2 / 6.0, true);
  expect(norms::row_norm(), 6 * 4, true);
  expect(norms::col_norm(), 3 * 6, true);
  expect(norms::dual_sum({{0.5, norms::spectral()}, {0, norms::frobenius()}}), 4, true);
  expect(norms::dual_sum({{0.5, norms::spectral()}, {0.5, norms::nuclear()}}), 12 + 4 * 0.25, true);
  expect(norms::dual_sum({{0.3, norms::nuclear()}, {0.7, norms::frobenius()}}), 12, true);
  expect(norms::dual_sum({{0.5, norms::spectral()}, {0.5, norms::max_entry()}}), std::pow(0.5 * 4 + 0.5 * 6, 2), false);
  // F-Muon: 12(1/2 + y₁)² + 4(1/2 + y₂)² at its largest on the circle of radius 1/2.
  double most = 0;
  for (double angle = 0; angle < 1.6; angle += 1e-4)
    most = std::max(most, 3 * std::pow(1 + std::cos(angle), 2) + std::pow(1 + std::sin(angle), 2));
  const auto f_muon = smoothness(*norms::dual_sum({{0.5, norms::spectral()}, {0.5, norms::frobenius()}}), A, B);
  EXPECT_NEAR(f_muon.value, most, 1e-7 * most) << "a grid misses the maximum by its square";
  EXPECT_TRUE(f_muon.exact);
}

TEST(Smoothness, OfMaxEntryIsExactForPositiveEntries) {
  const QuadraticForm form{gram(random_normal(4, 4, 430).abs()), gram(random_normal(3, 3, 431).abs())};
  EXPECT_TRUE(norms::max_entry()->maximum(form).exact);
  expect_bounds_and_attains(form, {"max_entry", norms::max_entry(), {}, {}});
}

TEST(Smoothness, OfTheCubeTakesTheBestDiagonal) {
  const auto bound = [](const at::Tensor& A) {
    return norms::max_entry()->maximum({A, at::eye(1, at::kDouble)}).value;
  };
  const auto G = random_normal(5, 5, 440);
  const auto A = gram(G);
  EXPECT_LE(bound(A), A.abs().sum().item<double>());
  EXPECT_LE(bound(A), 5 * exact_singular_values(A).front() * (1 + kFormRounding));
  // Orthogonal columns of unequal size: the scaled diagonal, which is exact there.
  const auto unequal = at::diag(at::ones({5}, at::kDouble).cumsum(0));
  EXPECT_NEAR(bound(unequal), 15, kFormRounding * 15);
  // All sign vectors.
  double most = 0;
  for (int signs = 0; signs < 32; ++signs) {
    const auto x = at::ones({5, 1}, at::kDouble);
    for (int i = 0; i < 5; ++i)
      if ((signs >> i) % 2 == 1) x[i] = -1;
    most = std::max(most, frobenius_inner(x, at::matmul(A, x)));
  }
  EXPECT_LE(most, bound(A) * (1 + kFormRounding));
}

TEST(Smoothness, TakesAnyFloatDtype) {
  const auto A = gram(random_normal(4, 4, 450)), B = gram(random_normal(3, 3, 451));
  const double exact = smoothness(*norms::spectral(), A, B).value;
  EXPECT_NEAR(smoothness(*norms::spectral(), A.to(at::kFloat), B).value, exact, 1e-5 * exact);
  EXPECT_NEAR(smoothness(*norms::spectral(), A.to(at::kBFloat16), B).value, exact, 3e-2 * exact);
}

TEST(Smoothness, RefusesWhatIsNoForm) {
  const auto I = at::eye(3, at::kDouble);
  const auto try_form = [&](const at::Tensor& A, const at::Tensor& B) { smoothness(*norms::spectral(), A, B); };
  EXPECT_VALUE_ERROR(try_form(random_normal(3, 2, 1), I), "A must be a square matrix, got [3, 2]");
  EXPECT_VALUE_ERROR(try_form(I, random_normal(3, 3, 2)), "B must be symmetric");
  EXPECT_VALUE_ERROR(try_form(-I, I), "A must be positive semidefinite, but has the eigenvalue -1");
  EXPECT_VALUE_ERROR(try_form(I * std::nan(""), I), "A has NaN");
  const auto large = at::eye(200, at::kBFloat16);
  EXPECT_VALUE_ERROR(try_form(-large, I), "A must be positive semidefinite");
  EXPECT_VALUE_ERROR(try_form(large + at::ones({200, 200}, at::kBFloat16).triu(1), I), "A must be symmetric");
  EXPECT_VALUE_ERROR(try_form(at::eye(3, at::kLong), I), "A must be floating-point");
  EXPECT_VALUE_ERROR(smoothness(*norms::ky_fan_dual(4), I, I), "k = 4");
}

}  // namespace
}  // namespace fanion::theory
