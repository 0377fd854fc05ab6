#include "fanion/kernels/gaussian_block.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/special_ndtr.h>
#include <gtest/gtest.h>

#include <cmath>

#include "kernels/settings.h"

namespace fanion::kernels {
namespace {

constexpr int64_t kRows = 20003, kColumns = 10, kAll = kRows * kColumns;

at::Tensor block_of_seed(uint64_t seed, int64_t rows = kRows, int64_t columns = kColumns) {
  return gaussian_block(rows, columns, at::detail::createCPUGenerator(seed)).to(at::kDouble);
}

/// Each statistic lies within five of its standard deviations.
TEST(GaussianBlock, HasTheDistributionOfStandardNormalNumbers) {
  const double once = 1 / std::sqrt(kAll);
  for (const uint64_t seed : {0, 1, 2}) {
    SCOPED_TRACE(seed);
    const auto x = block_of_seed(seed);
    EXPECT_NEAR(x.mean().item<double>(), 0, 5 * once);
    EXPECT_NEAR(x.square().mean().item<double>(), 1, 5 * std::sqrt(2.0) * once);
    EXPECT_NEAR(x.pow(3).mean().item<double>(), 0, 5 * std::sqrt(15.0) * once);
    EXPECT_NEAR(x.pow(4).mean().item<double>(), 3, 5 * std::sqrt(96.0) * once);
    EXPECT_NEAR((x.abs() > 3).to(at::kDouble).mean().item<double>(), 0.0026998, 5 * std::sqrt(0.0027) * once);
    const auto sorted = std::get<0>(at::special_ndtr(x.flatten()).sort());
    const auto expected = at::arange(kAll, at::kDouble).add(0.5).div(kAll);
    EXPECT_LE((sorted - expected).abs().max().item<double>() * std::sqrt(kAll), 2.3) << "Kolmogorov and Smirnov, 5e-5";
  }
}

TEST(GaussianBlock, ColumnsNeighboursAndSeedsAreIndependent) {
  const auto x = block_of_seed(3), y = block_of_seed(4);
  const auto most = [](const at::Tensor& products) { return products.abs().max().item<double>(); };
  for (const auto& [a, b] : {std::pair{x, y}, std::pair{x.square() - 1, y.square() - 1}}) {
    const double five = 5 * std::sqrt((a.square().mean() * b.square().mean()).item<double>() * kRows);
    EXPECT_LE(most(at::matmul(a.t(), b)), five) << "between seeds";
    EXPECT_LE(most(at::matmul(a.t(), a).triu(1)), five) << "between columns";
    for (const int64_t apart : {1, 2, 4, 8, 16}) {
      const auto lagged = (a.narrow(0, 0, kRows - apart) * a.narrow(0, apart, kRows - apart)).sum(0);
      EXPECT_LE(most(lagged), five) << apart << " rows apart";
    }
  }
}

TEST(GaussianBlock, DependsOnOneDrawOfTheGeneratorAlone) {
  for (const auto& [rows, columns] : {std::pair<int64_t, int64_t>{1, 1}, {7, 3}, {33, 2}, {1000, 5}}) {
    auto one = at::detail::createCPUGenerator(5), other = one.clone();
    const auto x = gaussian_block(rows, columns, one);
    EXPECT_EQ(x.size(0), rows);
    EXPECT_EQ(x.size(1), columns);
    EXPECT_TRUE(at::equal(x, gaussian_block(rows, columns, other.clone())));
    at::check_generator<at::CPUGeneratorImpl>(other)->random64();
    EXPECT_EQ(at::check_generator<at::CPUGeneratorImpl>(one)->random64(),
              at::check_generator<at::CPUGeneratorImpl>(other)->random64());
    EXPECT_FALSE(at::equal(x, gaussian_block(rows, columns, one))) << "the next draw";
  }
}

TEST(GaussianBlock, IsAddedAsItIsMade) {
  for (const auto& [rows, columns] : {std::pair<int64_t, int64_t>{1, 1}, {255, 3}, {256, 2}, {1001, 5}}) {
    auto one = at::detail::createCPUGenerator(7);
    const auto X = gaussian_block(rows, columns, one), before = X.clone();
    const auto other = one.clone();
    add_gaussian(X, 0.25F, one);
    const auto expected = before + gaussian_block(rows, columns, other) * 0.25;
    EXPECT_LE((X - expected).abs().max().item<double>(), 1e-6);
    EXPECT_EQ(at::check_generator<at::CPUGeneratorImpl>(one)->random64(),
              at::check_generator<at::CPUGeneratorImpl>(other)->random64());
  }
}

TEST(GaussianBlock, AgreesOnAllInstructionSets) {
  const Settings restored;
  set_instruction_set("baseline");
  const auto x = block_of_seed(6, 1001, 3);
  for (const auto& set : instruction_sets()) {
    set_instruction_set(set);
    EXPECT_LE((block_of_seed(6, 1001, 3) - x).abs().max().item<double>(), 5e-6) << set;
  }
}

}  // namespace
}  // namespace fanion::kernels
