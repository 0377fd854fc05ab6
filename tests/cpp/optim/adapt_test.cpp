#include "fanion/optim/adapt.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <cmath>

#include "certificates.h"
#include "zoo.h"

namespace fanion::optim {
namespace {

using namespace fanion::testing;

/// NorMuon's (by rows) or AdaMuon's (by entries) formula on numbers: `v` has a row's or an entry's mean of squares.
at::Tensor adapted_by_formula(const at::Tensor& D, bool by_rows, std::vector<double>& v, double beta) {
  const auto m = D.size(0), n = D.size(1);
  const auto* d = D.const_data_ptr<double>();
  auto result = at::zeros_like(D);
  auto* r = result.data_ptr<double>();
  double before = 0, after = 0;
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j) {
      double mean = d[i * n + j] * d[i * n + j];
      if (by_rows) {
        mean = 0;
        for (int64_t l = 0; l < n; ++l) mean += d[i * n + l] * d[i * n + l] / static_cast<double>(n);
      }
      auto& second = v[static_cast<std::size_t>(by_rows ? i : i * n + j)];
      if (!by_rows || j == 0) second = beta * second + (1 - beta) * mean;
      r[i * n + j] = d[i * n + j] / (std::sqrt(second) + 1e-8);
      before += d[i * n + j] * d[i * n + j];
      after += r[i * n + j] * r[i * n + j];
    }
  return after > 0 ? result * std::sqrt(before / after) : result;
}

at::Tensor beta_of(double beta) { return at::scalar_tensor(beta, at::kDouble); }

TEST(Adapt, IsTheFormulaOfRowsAndOfEntriesOverThreeSteps) {
  for (const auto adapt : {Adapt::neuron, Adapt::element})
    for (const auto& [m, n] : std::vector<std::pair<int64_t, int64_t>>{{7, 5}, {5, 7}, {1, 6}, {6, 1}}) {
      const bool by_rows = adapt == Adapt::neuron;
      auto v = at::zeros({m, by_rows ? 1 : n}, at::kDouble);
      std::vector<double> numbers(static_cast<std::size_t>(v.numel()));
      for (uint64_t step = 0; step < 3; ++step) {
        const auto D = random_normal(m, n, 5100 + step);
        const auto expected = adapted_by_formula(D, by_rows, numbers, 0.8);
        const auto given = norms::to_dense(adapted({{norms::DenseTerm{1, D}}}, adapt, v, beta_of(0.8), D), D);
        EXPECT_LE(relative_error(given, expected), 1e-14) << m << " x " << n << " step " << step;
        EXPECT_NEAR(frobenius_norm(given), frobenius_norm(D), 1e-13 * frobenius_norm(D));
      }
    }
}

TEST(Adapt, RowsOfALowRankTermStayLowRank) {
  const auto U = random_normal(9, 2, 5201), V = random_normal(6, 2, 5202), D = -2 * at::matmul(U, V.t());
  auto v = at::zeros({9, 1}, at::kDouble), twin = v.clone();
  for (int step = 0; step < 2; ++step) {
    const auto low = adapted({{norms::LowRankTerm{-2, U, V}}}, Adapt::neuron, v, beta_of(0.5), D);
    ASSERT_EQ(low.terms.size(), 1);
    ASSERT_TRUE(std::holds_alternative<norms::LowRankTerm>(low.terms[0]));
    const auto dense = adapted({{norms::DenseTerm{1, D}}}, Adapt::neuron, twin, beta_of(0.5), D);
    EXPECT_LE(relative_error(norms::to_dense(low, D), norms::to_dense(dense, D)), 1e-14);
    EXPECT_LE(relative_error(v, twin), 1e-14);
  }
}

TEST(Adapt, ABatchIsItsMatricesWithTheirOwnDecay) {
  const std::vector<double> betas = {0.5, 0.9};
  const auto beta = at::stack({beta_of(0.5), beta_of(0.9)}).view({2, 1, 1});
  for (const auto adapt : {Adapt::neuron, Adapt::element}) {
    const auto U = at::stack({random_normal(4, 2, 5301), random_normal(4, 2, 5302)});
    const auto V = at::stack({random_normal(6, 2, 5303), random_normal(6, 2, 5304)});
    const auto D = at::matmul(U, V.mT());
    auto v = at::zeros({2, 4, adapt == Adapt::neuron ? 1 : 6}, at::kDouble);
    const auto together = norms::to_dense(adapted({{norms::LowRankTerm{1, U, V}}}, adapt, v, beta, D), D);
    for (int64_t i = 0; i < 2; ++i) {
      auto own = at::zeros_like(v[i]);
      const auto alone = adapted({{norms::DenseTerm{1, D[i]}}}, adapt, own, beta_of(betas[i]), D[i]);
      EXPECT_LE(relative_error(together[i], norms::to_dense(alone, D[i])), 1e-14);
      EXPECT_LE(relative_error(v[i], own), 1e-14);
    }
  }
}

TEST(Adapt, OfZeroIsZero) {
  const auto D = at::zeros({4, 3}, at::kFloat);
  for (const auto adapt : {Adapt::neuron, Adapt::element}) {
    auto v = at::zeros({4, adapt == Adapt::neuron ? 1 : 3}, at::kFloat);
    EXPECT_EQ(frobenius_norm(norms::to_dense(adapted({{norms::DenseTerm{1, D}}}, adapt, v, at::zeros({}), D), D)), 0);
    EXPECT_EQ(frobenius_norm(v), 0);
  }
}

}  // namespace
}  // namespace fanion::optim
