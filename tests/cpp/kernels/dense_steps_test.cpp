#include "fanion/kernels/dense_steps.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/sign.h>
#include <ATen/ops/zeros.h>

#include <limits>

#include "certificates.h"
#include "kernels/settings.h"
#include "kernels/step_cases.h"
#include "zoo.h"

namespace fanion::kernels {
namespace {

using namespace fanion::testing;

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

/// Entries near the end of float32 whose differences and sums lie beyond it, in every instruction set.
TEST(DenseSteps, MomentumOfHugeNumbersIsItsFormula) {
  const Settings settings;
  const double largest = std::numeric_limits<float>::max();
  for (const auto& set : instruction_sets()) {
    set_instruction_set(set);
    for (const double mu : {0.3, 0.95})
      for (const bool average : {true, false}) {
        SCOPED_TRACE(c10::str(set, " mu ", mu, average ? " average" : " sum"));
        const auto g = normal(3, 41, 1).sign() * 3.1e38f, before = normal(3, 41, 2).sign() * 3e38f;
        const auto weighted = (average ? 1 - mu : 1) * exact(g);
        const auto next = (mu * exact(before) + weighted).clamp(-largest, largest);
        const auto B = before.clone(), M = momentum_(B, g, mu, average, true);
        EXPECT_LE(distance(B, next), kRoundings);
        EXPECT_LE(distance(M, (mu * next + weighted).clamp(-largest, largest)), kRoundings);
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

TEST(DenseSteps, LowRankIsItsFormula) {
  const Settings settings;
  for (const auto& set : instruction_sets()) {
    set_instruction_set(set);
    for (const auto& [m, n] : kSizes)
      for (const int64_t k : {0, 1, 3, 8, 32})
        for (const bool transposed : {false, true}) {
          const auto U = normal(m, k, 16), V = normal(n, k, 17);
          const auto W = transposed ? normal(n, m, 18).t() : normal(m, n, 18);
          ASSERT_TRUE(takes_low_rank(W, k));
          const auto expected = 0.9 * exact(W) - 0.3 * at::matmul(exact(U), exact(V).t());
          add_low_rank_(W, U, V, 0.9, -0.3);
          EXPECT_LE(distance(W, expected), kRoundings) << set << " " << m << " x " << n << " " << k << transposed;
        }
  }
  const auto larger = normal(20, 30, 19);
  EXPECT_FALSE(takes_low_rank(larger.narrow(1, 0, 20), 2)) << "gaps";
  EXPECT_FALSE(takes_low_rank(exact(larger), 2)) << "another dtype";
}

TEST(DenseSteps, SignOfWhatALowRankPartLeaves) {
  const Settings settings;
  for (const auto& set : instruction_sets()) {
    set_instruction_set(set);
    for (const auto& [m, n] : kSizes)
      for (const int64_t k : {0, 1, 3, 8}) {
        const auto M = normal(m, n, 11), W = normal(m, n, 12), before = W.clone();
        const auto L = k > 0 ? normal(m, k, 13) : at::Tensor(), V = k > 0 ? normal(k, n, 14).t() : at::Tensor();
        const auto R = k > 0 ? exact(M) - at::matmul(exact(L), exact(V).t()) : exact(M);
        add_sign_(W, M, L, V, 0.9, -0.5);
        const auto told = R.abs() > 1e-4;  // rounding decides the others
        const auto off = (exact(W) - (0.9 * exact(before) - 0.5 * at::sign(R))).abs();
        EXPECT_LE(off.masked_select(told).max().item<double>(), 8 * kRoundings) << set << m << " x " << n << " " << k;
        EXPECT_GE(told.to(at::kDouble).mean().item<double>(), 0.99);
      }
  }
  const auto zero = at::zeros({3, 40}, at::kFloat), W = normal(3, 40, 15), before = W.clone();
  add_sign_(W, zero, {}, {}, 1, 7);
  EXPECT_TRUE(same_bits(W, before)) << "sign(0) is 0";
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

TEST(DenseSteps, AutogradIsToldOfWhatIsWritten) {
  const auto X = normal(30, 20, 20), U = normal(30, 2, 21), V = normal(20, 2, 22);
  const auto told = [](const at::Tensor& W, const auto& write) {
    const auto before = W._version();
    write(W);
    return W._version() > before;
  };
  EXPECT_TRUE(told(X.clone(), [&](const at::Tensor& B) { momentum_(B, X, 0.9, true, true); }));
  EXPECT_TRUE(told(X.clone(), [&](const at::Tensor& Y) { blend_(Y, X, 1, 0.1); }));
  EXPECT_TRUE(told(X.clone(), [&](const at::Tensor& W) { add_low_rank_(W, U, V, 1, 0.1); }));
  EXPECT_TRUE(told(X.clone(), [&](const at::Tensor& W) { add_sign_(W, X, U, V, 1, 0.1); }));
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
