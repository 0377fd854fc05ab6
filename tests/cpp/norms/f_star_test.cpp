// The two norms of F*-Neon: prox against numerical minimisers of their own objectives, thresholds, limits, growth of k.

#include "fanion/norms/f_star_rms.h"
#include "fanion/norms/f_star_sum.h"

#include <ATen/ops/matmul.h>
#include <ATen/ops/zeros.h>

#include <numeric>

#include "certificates.h"
#include "fanion/norms/dual_sum.h"
#include "fanion/norms/frobenius.h"
#include "fanion/norms/nuclear.h"
#include "fanion/norms/spectral.h"
#include "zoo.h"

namespace fanion::norms {
namespace {

using namespace fanion::testing;

struct Kind {
  const char* name;
  NormPtr norm;
  bool squares;
};
std::vector<Kind> kinds(TripletOptions options = {}) {
  return {{"f_star_rms", f_star_rms(options), true}, {"f_star_sum", f_star_sum(options), false}};
}

double lmo_size(const Kind& kind, const at::Tensor& M) {
  return f_star_norm(exact_singular_values(to_dense(kind.norm->lmo(M), working_matrix(M))), kind.squares);
}

/// min ⟨M, X⟩ + (λ/2)‖X‖² over X = −U diag(x) Vᵀ, x ≥ 0, by coordinate search from the given start: steps along each
/// x_i, halved where none leads lower.
double least_by_descent(const std::vector<double>& sigma, double lambda, bool squares, std::vector<double> x) {
  const auto objective = [&](const std::vector<double>& z) {
    const double norm = f_star_norm(z, squares);
    return -std::inner_product(sigma.begin(), sigma.end(), z.begin(), 0.0) + lambda / 2 * norm * norm;
  };
  double least = objective(x), step = sigma.front() / lambda;
  while (step > 1e-9 * sigma.front() / lambda) {
    bool moved = false;
    for (std::size_t i = 0; i < x.size(); ++i)
      for (const double sign : {1.0, -1.0}) {
        auto trial = x;
        trial[i] = std::max(0.0, trial[i] + sign * step);
        const double value = objective(trial);
        if (value < least) least = value, x = trial, moved = true;
      }
    if (!moved) step /= 2;
  }
  return least;
}

TEST(FStar, ProxIsTheMinimiserFoundFromElsewhere) {
  const double lambda = 0.7;
  for (const auto& kind : kinds())
    for (uint64_t seed = 801; seed < 806; ++seed) {
      SCOPED_TRACE(c10::str(kind.name, " ", seed));
      const auto M = random_normal(5, 4, seed);
      const auto X = kind.norm->prox(M, lambda);
      const auto objective = [&](const at::Tensor& Z) {
        return frobenius_inner(M, Z) + lambda / 2 * std::pow(f_star_norm(exact_singular_values(Z), kind.squares), 2);
      };
      const double least = objective(X);
      const auto sigma = exact_singular_values(M);
      for (const double start : {0.0, 1.0, 20.0}) {
        // By von Neumann's trace inequality the minimiser has the singular vectors of −M, so x ≥ 0 is all to search.
        const double found = least_by_descent(sigma, lambda, kind.squares, std::vector<double>(sigma.size(), start));
        EXPECT_LE(least, found + 1e-12 * std::abs(found));
        EXPECT_NEAR(least, found, 1e-6 * std::abs(found)) << "the search stops at 1e-9 in every coordinate";
      }
      for (uint64_t i = 0; i < 1000; ++i) {
        const double size = std::pow(10.0, -static_cast<double>(i % 6));
        EXPECT_GE(objective(X + size * random_normal(5, 4, 2000 + i)), least - 1e-13 * std::abs(least)) << i;
      }
    }
}

TEST(FStar, RmsProxIsTheRuleOfThePaper) {
  const double lambda = 0.4;
  for (const auto& [name, A] : zoo(at::kDouble)) {
    SCOPED_TRACE(name);
    const auto [U, S, V] = exact_svd(A);
    const auto sigma = exact_singular_values(A);
    double tau = 0, sum = 0;
    for (std::size_t j = 0; j < sigma.size(); ++j) tau = std::max(tau, (sum += sigma[j]) / static_cast<double>(j + 2));
    const auto d = (S - tau).clamp_min(0);
    EXPECT_NEAR(d.sum().item<double>(), tau, 1e-14 * static_cast<double>(sigma.size()) * sigma[0]);
    EXPECT_LE(relative_error(f_star_rms()->prox(A, lambda), -2 / lambda * at::matmul(U * d, V.t())), 1e-10);
  }
}

TEST(FStar, SumDualIsTheValueOfFMuon) {
  const auto f_muon = dual_sum({{0.5, spectral()}, {0.5, frobenius()}});
  for (const auto& [name, A] : zoo(at::kDouble)) {
    const double dual = f_star_sum()->dual(A).item<double>(), value = f_muon->value(A).item<double>();
    EXPECT_NEAR(dual, value, 1e-13 * value) << name;
  }
}

TEST(FStar, AtRankOneIsNeon) {
  for (const auto& kind : kinds())
    for (const auto& M : {random_normal(1, 9, 811), random_normal(9, 1, 812), random_normal(1, 1, 813),
                          with_spectrum(12, 8, {3}, 814)}) {
      EXPECT_LE(relative_error(to_dense(kind.norm->lmo(M), M), to_dense(nuclear()->lmo(M), M)), 1e-13) << kind.name;
      EXPECT_NEAR(kind.norm->value(M).item<double>(), frobenius_norm(M), 1e-13 * frobenius_norm(M));
      EXPECT_NEAR(kind.norm->dual(M).item<double>(), frobenius_norm(M), 1e-13 * frobenius_norm(M));
    }
}

TEST(FStar, OfEqualSingularValuesIsAMultipleOfMuon) {
  const double r = 6;
  const auto M = 2.5 * random_orthonormal(10, 6, 815), muon = to_dense(spectral()->lmo(M), M);
  EXPECT_LE(relative_error(to_dense(f_star_rms()->lmo(M), M), muon * std::sqrt(2 / (r * r + r))), 1e-12);
  EXPECT_LE(relative_error(to_dense(f_star_sum()->lmo(M), M), muon * (2 / (r + std::sqrt(r)))), 1e-12);
}

TEST(FStar, ZeroHasNoDirection) {
  const auto zero = at::zeros({7, 5}, at::kDouble);
  for (const auto& kind : kinds()) {
    EXPECT_EQ(frobenius_norm(to_dense(kind.norm->lmo(zero), zero)), 0);
    EXPECT_EQ(kind.norm->dual(zero).item<double>(), 0);
    EXPECT_EQ(kind.norm->value(zero).item<double>(), 0);
    EXPECT_EQ(frobenius_norm(kind.norm->prox(zero, 1)), 0);
    EXPECT_EQ(frobenius_norm(kind.norm->project(zero)), 0);
  }
}

TEST(FStar, GrowsUntilTheThresholdIsPassed) {
  // 30 values above σ₁/2, so that the first triplets asked for are too few; then 2, so that they are enough.
  for (const int64_t above : {30, 2}) {
    auto sigma = geometric(above, 0.99);
    for (const double s : geometric(60 - above, 0.9, 0.1)) sigma.push_back(s);
    const auto M = with_spectrum(80, 60, sigma, 816);
    for (const auto& kind : kinds({.method = linalg::SvdMethod::block_krylov})) {
      SCOPED_TRACE(c10::str(kind.name, " ", above));
      const auto D = kind.norm->lmo(M);
      EXPECT_NEAR(-frobenius_inner(M, to_dense(D, M)), f_star_dual(sigma, kind.squares), 1e-8);
      EXPECT_NEAR(lmo_size(kind, M), 1, 1e-8) << "the residual of the triplets, 1e-5, enters by its square";
      EXPECT_LE(std::get<LowRankTerm>(D.terms[0]).U.size(1), above) << "only triplets above the threshold are kept";
    }
  }
}

TEST(FStar, WarmStartsConvergeToTheDirection) {
  const auto M = with_spectrum(40, 30, geometric(30, 0.8), 817);
  for (const auto& kind : kinds(kTrainingTriplets)) {
    SCOPED_TRACE(kind.name);
    auto warm = initial_warm_start(*kind.norm, 40, 30, M.options());
    EXPECT_EQ(warm.size(1), kind.norm->warm_columns(40, 30));
    for (int step = 0; step < 8; ++step) kind.norm->lmo(M, &warm);
    const auto D = to_dense(kind.norm->lmo(M, &warm), M);
    const double dual = kind.norm->dual(M).item<double>();
    EXPECT_NEAR(-frobenius_inner(M, D), dual, 1e-8 * dual);
    EXPECT_LE(orthonormality_error(warm), 1e-12);
  }
}

}  // namespace
}  // namespace fanion::norms
