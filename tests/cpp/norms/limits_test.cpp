// Where a norm becomes another: k = 1 and min(m, n), p → 1, 2, ∞, one row, one column, one entry, equal σ, low rank.

#include <ATen/ops/eye.h>
#include <ATen/ops/full.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/sign.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include "certificates.h"
#include "fanion/norms/col_norm.h"
#include "fanion/norms/dual_sum.h"
#include "fanion/norms/entry_sum.h"
#include "fanion/norms/frobenius.h"
#include "fanion/norms/ky_fan.h"
#include "fanion/norms/ky_fan_dual.h"
#include "fanion/norms/max_entry.h"
#include "fanion/norms/nuclear.h"
#include "fanion/norms/row_norm.h"
#include "fanion/norms/scaled_max_entry.h"
#include "fanion/norms/schatten.h"
#include "fanion/norms/spectral.h"
#include "norms/norm_cases.h"
#include "zoo.h"

namespace fanion::norms {
namespace {

using namespace fanion::testing;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
/// A few hundred roundings of float64.
constexpr double kRounding = 1e-13;

/// Value, dual, LMO, prox, ρ and, where both have one, projection agree to `tol`.
void expect_same_norm(const MatrixNorm& a, const MatrixNorm& b, const at::Tensor& M, double tol = kRounding,
                      bool with_projection = true) {
  SCOPED_TRACE(a.name() + " and " + b.name());
  const auto near = [&](const at::Tensor& x, const at::Tensor& y) { EXPECT_LE(relative_error(x, y), tol); };
  near(a.value(M), b.value(M));
  near(a.dual(M), b.dual(M));
  near(a.minimiser(M), b.minimiser(M));
  near(a.prox(M, 0.7), b.prox(M, 0.7));
  EXPECT_NEAR(a.rho(M.size(0), M.size(1)), b.rho(M.size(0), M.size(1)), tol * b.rho(M.size(0), M.size(1)));
  if (!with_projection) return;
  for (const double size : {0.5, 2.0}) {
    const auto X = M * (size / b.value(M).item<double>());
    near(a.project(X), b.project(X));
  }
}

TEST(Limits, KyFanNormsEndAtSpectralAndNuclear) {
  for (const auto& M : {random_normal(7, 5, 461), random_normal(5, 7, 462), random_normal(6, 6, 463)}) {
    const int64_t smaller = std::min(M.size(0), M.size(1));
    expect_same_norm(*ky_fan(1), *spectral(), M);
    expect_same_norm(*ky_fan(smaller), *nuclear(), M);
    expect_same_norm(*ky_fan_dual(1), *nuclear(), M);
    expect_same_norm(*ky_fan_dual(smaller), *spectral(), M);
  }
}

TEST(Limits, SchattenAtOneTwoAndInfinityAreThoseNorms) {
  EXPECT_EQ(schatten(1)->name(), nuclear()->name());
  EXPECT_EQ(schatten(2)->name(), frobenius()->name());
  EXPECT_EQ(schatten(kInfinity)->name(), spectral()->name());
}

TEST(Limits, SchattenNearOneTwoAndInfinityIsNearThoseNorms) {
  const auto M = with_spectrum(7, 5, {3, 2.5, 2, 1, 0.1}, 464);
  // (σ₂/σ₁)^(q−1) with q − 1 = 1e4 vanishes; the value moves by log(5)·1e-4 at most.
  expect_same_norm(*schatten(1 + 1e-4), *nuclear(), M, 2e-4, /*with_projection=*/false);
  // (σ₅/σ₁)^(q−1) = 1 − 3.4e-4, and 5^(1/p).
  expect_same_norm(*schatten(1e4), *spectral(), M, 4e-4, /*with_projection=*/false);
  for (const double p : {2 - 1e-9, 2 + 1e-9})
    expect_same_norm(*schatten(p), *frobenius(), M, 1e-8, /*with_projection=*/false);
}

TEST(Limits, NoExponentOverflows) {
  for (const auto& [name, A] : whole_zoo())
    for (const double p : {1 + 1e-15, 1 + 1e-6, 1e6, 1e15, 1e300}) {
      const auto norm = schatten(p);
      SCOPED_TRACE(name + " " + norm->name());
      const double dual = norm->dual(A).item<double>(), near = (p < 2 ? nuclear() : spectral())->dual(A).item<double>();
      const auto D = norm->minimiser(A);
      const double tol = 4 * static_cast<double>(std::max(A.size(0), A.size(1))) * working_eps(A.scalar_type());
      // min(m, n)^(1/q) or the r-th part of σ₁ that it moves by, log(40)·1e-6.
      EXPECT_NEAR(dual, near, 4e-6 * near);
      EXPECT_NEAR(-frobenius_inner(A, D), dual, tol * dual);
      EXPECT_LE(schatten_norm(D, p), 1 + tol);
    }
}

TEST(Limits, UnitarilyInvariantNormsOfOneRowOrColumnAreItsLength) {
  for (const auto& M : {random_normal(1, 6, 465), random_normal(6, 1, 466)})
    for (const auto& norm :
         {spectral(), nuclear(), ky_fan(1), ky_fan_dual(1), schatten(1.3), schatten(5), schatten(kInfinity)})
      expect_same_norm(*norm, *frobenius(), M, kRounding, !norm->name().starts_with("schatten"));
}

TEST(Limits, RowAndColumnNormsOfOneRowOrColumn) {
  const auto row = random_normal(1, 6, 467), column = random_normal(6, 1, 468);
  expect_same_norm(*row_norm(), *frobenius(), row);
  expect_same_norm(*col_norm(), *frobenius(), column);
  expect_same_norm(*row_norm(), *max_entry(), column);
  expect_same_norm(*col_norm(), *max_entry(), row);
}

TEST(Limits, EveryNormOfOneEntryIsItsSize) {
  const auto M = at::full({1, 1}, -2.5, at::kDouble);
  for (const auto& c : norm_cases(1, 1)) {
    SCOPED_TRACE(c.name);
    EXPECT_NEAR(c.norm->dual(M).item<double>(), 2.5, kRounding);
    EXPECT_NEAR(c.norm->minimiser(M).item<double>(), 1, kRounding);
    EXPECT_NEAR(c.norm->prox(M, 2).item<double>(), 1.25, kRounding);
    EXPECT_NEAR(c.norm->rho(1, 1), 1, kRounding);
    if (c.has_value) {
      EXPECT_NEAR(c.norm->value(M).item<double>(), 2.5, 10 * kRounding + 2.5 * c.value_tol);
    }
    if (c.has_projection) {
      EXPECT_NEAR(c.norm->project(M).item<double>(), -1, kRounding);
    }
  }
}

TEST(Limits, EqualSingularValues) {
  const auto Q = random_orthonormal(9, 5, 469), M = 3 * Q;
  for (const double p : {1.5, 4.0}) {
    EXPECT_NEAR(schatten(p)->value(M).item<double>(), 3 * std::pow(5, 1 / p), kRounding * 10);
    EXPECT_LE(relative_error(schatten(p)->minimiser(M), -std::pow(5, -1 / p) * Q), kRounding);
  }
  for (const int64_t k : {1, 2, 5}) {
    const auto size = static_cast<double>(k);
    EXPECT_NEAR(ky_fan(k)->value(M).item<double>(), 3 * size, kRounding * 10);
    EXPECT_NEAR(ky_fan(k)->dual(M).item<double>(), 15 / size, kRounding * 10);
    EXPECT_NEAR(ky_fan_dual(k)->value(M).item<double>(), 15 / size, kRounding * 10);
    EXPECT_LE(relative_error(ky_fan(k)->project(M), Q / size), kRounding);
    EXPECT_LE(relative_error(ky_fan_dual(k)->project(M), Q * (size / 5)), kRounding);
  }
}

TEST(Limits, LmoOfLowRankStaysInItsSpaces) {
  const auto M = with_spectrum(9, 7, {2, 1.5, 1}, 470);
  const auto svd = exact_svd(M);
  const auto left = at::matmul(svd.U.narrow(1, 0, 3), svd.U.narrow(1, 0, 3).t());
  for (const auto& norm : {ky_fan(2), ky_fan(7), schatten(1.2), schatten(50), schatten(1e9), spectral()}) {
    const auto D = norm->minimiser(M);
    EXPECT_LE(relative_error(at::matmul(left, D), D), kRounding) << norm->name();
  }
}

TEST(Limits, SignInTheUnitsOfAFanion) {
  const auto M = random_normal(9, 5, 472);
  EXPECT_NEAR(frobenius_norm(scaled_max_entry()->minimiser(M)), frobenius_norm(spectral()->minimiser(M)), kRounding);
  EXPECT_NEAR(frobenius_norm(scaled_max_entry(2)->minimiser(M)), frobenius_norm(ky_fan_dual(2)->minimiser(M)),
              kRounding);
  EXPECT_VALUE_ERROR(scaled_max_entry(6)->dual(M), "k = 6 is out of range: a 9 x 5 matrix allows 1 to 5");
  EXPECT_VALUE_ERROR(scaled_max_entry(6)->warm_columns(9, 5), "k = 6 is out of range");
}

TEST(Limits, TiedEntriesShareTheStep) {
  const auto M = at::tensor({2.0, -2.0, 0.5, 1.0, 2.0, -2.0}, at::kDouble).view({2, 3});
  const auto shared = at::tensor({-0.25, 0.25, 0.0, 0.0, -0.25, 0.25}, at::kDouble).view({2, 3});
  EXPECT_TRUE(same_bits(entry_sum()->minimiser(M), shared));
}

TEST(Limits, ZeroRowsAndColumnsStayZero) {
  auto M = random_normal(6, 5, 471);
  M[2].zero_();
  M.select(1, 3).zero_();
  for (const auto dtype : {at::kDouble, at::kFloat, at::kBFloat16}) {
    const auto rows = row_norm()->minimiser(M.to(dtype)), columns = col_norm()->minimiser(M.to(dtype));
    EXPECT_EQ(frobenius_norm(rows[2]), 0);
    EXPECT_EQ(frobenius_norm(columns.select(1, 3)), 0);
    EXPECT_NEAR(frobenius_norm(rows), std::sqrt(5), 1e-6);  // five unit rows
    EXPECT_NEAR(frobenius_norm(columns), 2, 1e-6);
  }
}

TEST(Limits, ZeroHasNoDirectionAndIsItsOwnProjection) {
  for (const auto& [m, n] : {std::pair{6, 5}, {1, 5}, {5, 1}, {1, 1}}) {
    const auto zero = at::zeros({m, n}, at::kFloat);
    for (const auto& c : norm_cases(m, n)) {
      EXPECT_EQ(frobenius_norm(c.norm->minimiser(zero)), 0) << c.name;
      EXPECT_EQ(frobenius_norm(c.norm->prox(zero, 1)), 0) << c.name;
      if (c.has_projection) {
        EXPECT_TRUE(same_bits(c.norm->project(zero), zero)) << c.name;
      }
      if (c.has_value) {
        EXPECT_EQ(c.norm->value(zero).item<double>(), 0) << c.name;
      }
    }
  }
}

/// The largest float32 entries have singular values beyond float32; the smallest float64 ones are far below it.
TEST(Limits, ExtremeEntries) {
  const auto half = dual_sum({{0.5, spectral()}, {0.5, frobenius()}});
  const auto largest = at::full({10, 10}, 3e38f);
  EXPECT_EQ(half->value(largest).item<double>(), kInfinity) << "3e39 is no float32";
  EXPECT_NEAR(half->value(largest.to(at::kDouble)).item<double>() / 3e39, 1, 1e-6);
  for (const double size : {1e-50, 1e-140, 1e140}) {
    const auto M = at::full({2, 2}, size, at::kDouble);
    for (const auto& norm : {frobenius(), row_norm(), col_norm(), spectral(), half})
      EXPECT_NEAR(frobenius_inner(M / size, norm->minimiser(M)) * size / norm->dual(M).item<double>(), -1, kRounding)
          << norm->name() << " of " << size;
  }
}

TEST(Limits, RhoFitsTheNorm) {
  EXPECT_VALUE_ERROR(spectral()->rho(0, 3), "at least one row and one column, got 0 x 3");
  EXPECT_VALUE_ERROR(ky_fan_dual(5)->rho(3, 3), "k = 5 is out of range");
  EXPECT_VALUE_ERROR(ky_fan(5)->rho(2, 2), "k = 5 is out of range");
}

/// A part of weight 0 is not there: no SVD for F-Muon at α = 0, and no 0·inf.
TEST(Limits, PartsOfNoWeightAreNotComputed) {
  const auto M = at::eye(10, at::kFloat) * 1e38f;
  EXPECT_EQ(dual_sum({{0, spectral()}, {1, frobenius()}})->dual(M).item<double>(), frobenius()->dual(M).item<double>());
  const auto scaled = dual_sum({{0.3, spectral()}});
  const auto inside = random_normal(5, 4, 31) * 0.01;
  EXPECT_TRUE(same_bits(scaled->project(inside), inside)) << "a point of the ball is returned as it is";
}

}  // namespace
}  // namespace fanion::norms
