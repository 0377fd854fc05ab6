#include "fanion/kernels/dense_steps.h"

#include <ATen/TensorOperators.h>

#include "certificates.h"
#include "kernels/settings.h"
#include "zoo.h"

namespace fanion::kernels {
namespace {

using namespace fanion::testing;

constexpr double kRoundings = 8 * 6e-8;  // a few of float32, of numbers no larger than those that are compared

at::Tensor normal(int64_t rows, int64_t cols, uint64_t seed) { return random_normal(rows, cols, seed).to(at::kFloat); }
at::Tensor exact(const at::Tensor& X) { return X.to(at::kDouble); }

/// max |x − y|, over max(1, max |y|).
double distance(const at::Tensor& X, const at::Tensor& Y) {
  return (exact(X) - Y).abs().max().item<double>() / std::max(1.0, Y.abs().max().item<double>());
}

/// Everything from less than a vector to several threads' shares, with and without a remainder.
const std::vector<std::array<int64_t, 2>> kSizes = {{1, 1}, {1, 15}, {4, 4}, {3, 11}, {17, 64}, {200, 331}, {512, 384}};

TEST(DenseSteps, MomentumIsItsFormula) {
  const Settings settings;
  for (const auto& set : instruction_sets()) {
    set_instruction_set(set);
    for (const auto& [m, n] : kSizes)
      for (const double mu : {0.0, 0.3, 0.5, 0.95, 0.999})
        for (const bool average : {true, false}) {
          SCOPED_TRACE(c10::str(set, " ", m, " x ", n, " mu ", mu, average ? " average" : " sum"));
          const auto g = normal(m, n, 1), before = normal(m, n, 2);
          const auto weighted = (average ? 1 - mu : 1) * exact(g), next = mu * exact(before) + weighted;
          for (const bool ahead : {true, false}) {
            const auto B = before.clone();
            const auto M = momentum_(B, g, mu, average, ahead);
            EXPECT_LE(distance(B, next), kRoundings);
            EXPECT_EQ(M.defined(), ahead);
            if (ahead) {
              EXPECT_LE(distance(M, mu * next + weighted), kRoundings);
            }
          }
        }
  }
}

TEST(DenseSteps, BlendIsItsFormula) {
  const Settings settings;
  for (const auto& set : instruction_sets()) {
    set_instruction_set(set);
    for (const auto& [m, n] : kSizes)
      for (const double keep : {1.0, 0.9, 0.0})
        for (const double take : {0.01, -3.0}) {
          const auto X = normal(m, n, 3), Y = normal(m, n, 4), expected = keep * exact(Y) + take * exact(X);
          blend_(Y, X, keep, take);
          EXPECT_LE(distance(Y, expected), kRoundings) << set << " " << m << " x " << n << " " << keep << " " << take;
        }
  }
}

TEST(DenseSteps, NumberOfThreadsChangesNoBit) {
  const Settings settings;
  const auto g = normal(311, 433, 5), before = normal(311, 433, 6);
  at::Tensor first, first_ahead;
  for (const int threads : {1, 2, 3}) {
    at::set_num_threads(threads);
    const auto B = before.clone();
    const auto M = momentum_(B, g, 0.95, true, true);
    blend_(B, M, 0.99, 0.1);
    if (!first.defined()) std::tie(first, first_ahead) = std::pair(B, M);
    EXPECT_TRUE(same_bits(B, first) && same_bits(M, first_ahead)) << threads;
  }
}

TEST(DenseSteps, KeepsLayoutsAndTellsThemApart) {
  const auto X = normal(30, 20, 7), larger = normal(30, 40, 8);
  EXPECT_TRUE(alike_in_memory(X, X.clone()));
  EXPECT_TRUE(alike_in_memory(X.t(), X.clone().t()));
  EXPECT_TRUE(alike_in_memory(X.view({3, 10, 20}), X.clone().view({3, 10, 20})));
  EXPECT_FALSE(alike_in_memory(X, X.t().contiguous().t())) << "another order";
  EXPECT_FALSE(alike_in_memory(X, larger.narrow(1, 0, 20))) << "gaps";
  EXPECT_FALSE(alike_in_memory(larger.narrow(1, 0, 20), larger.narrow(1, 0, 20))) << "gaps in both";
  EXPECT_FALSE(alike_in_memory(X, X.narrow(0, 0, 29))) << "another size";
  EXPECT_FALSE(alike_in_memory(X, exact(X))) << "another dtype";
  const auto B = normal(20, 30, 9).t(), g = normal(20, 30, 10).t();
  const auto M = momentum_(B, g, 0.5, false, true);
  EXPECT_EQ(M.strides(), B.strides());
}

}  // namespace
}  // namespace fanion::kernels
