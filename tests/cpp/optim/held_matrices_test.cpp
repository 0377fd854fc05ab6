#include "fanion/optim/held_matrices.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <c10/util/accumulate.h>
#include <gtest/gtest.h>

#include "certificates.h"

namespace fanion::optim {
namespace {

using namespace fanion::testing;
using distributed::MeshAxis;
using distributed::Spread;

/// A parameter whose entries are their own numbers.
at::Tensor numbered(std::vector<int64_t> sizes) {
  return at::arange(c10::multiply_integers(sizes), at::kFloat).view(sizes);
}

TEST(HeldMatrices, AreViewsButForInterleavedRows) {
  const auto W = numbered({24, 2});
  const HeldMatrices qkv(W.sizes(), {.split_sizes = {12, 8, 4}});
  EXPECT_EQ(qkv.front(), (std::vector<int64_t>{3}));
  const auto parts = matrices_here(qkv, nullptr);
  EXPECT_TRUE(parts[1].of_rows(W, 0).is_alias_of(W));
  EXPECT_TRUE(same_bits(parts[1].of_rows(W, 0), W.slice(0, 12, 20)));
  const HeldMatrices groups(W.sizes(), {.split_sizes = {4, 2, 2}, .interleaved = true});
  const auto values = matrices_here(groups, nullptr)[2];
  const auto copied = values.of_rows(W, 0);
  EXPECT_TRUE(same_bits(copied, at::cat({W.slice(0, 6, 8), W.slice(0, 14, 16), W.slice(0, 22, 24)})));
  auto other = W.clone();
  values.put_back(other, 0, copied + 100);
  EXPECT_TRUE(same_bits(other.slice(0, 14, 16), W.slice(0, 14, 16) + 100));
  EXPECT_TRUE(same_bits(other.slice(0, 0, 6), W.slice(0, 0, 6)));
}

/// What three processes have of every matrix, where the rows are split among them, is the matrix.
TEST(HeldMatrices, BlocksOfSeveralProcessesMakeUpTheMatrices) {
  const auto W = numbered({24, 2});
  const std::vector<int64_t> shares{9, 9, 6};
  for (const auto& options : {LmoStepOptions{.split_sizes = {12, 8, 4}}, LmoStepOptions{.num_heads = 6},
                              LmoStepOptions{.split_sizes = {4, 2, 2}, .interleaved = true},
                              LmoStepOptions{.split_sizes = {1, 1}, .interleaved = true}}) {
    const HeldMatrices held(W.sizes(), options);
    const auto whole = matrices_here(held, nullptr);
    std::vector<std::vector<at::Tensor>> found(whole.size());
    int64_t start = 0;
    for (int64_t rank = 0; rank < 3; ++rank) {
      const Spread spread{{24, 2}, {MeshAxis{0, rank, shares, "rows"}}};
      const auto here = matrices_here(held, &spread);
      ASSERT_EQ(here.size(), whole.size());
      for (std::size_t i = 0; i < here.size(); ++i) {
        const auto part = here[i].of_rows(W.narrow(0, start, shares[rank]), 0);
        ASSERT_TRUE(here[i].spread);
        EXPECT_EQ(here[i].spread->block(), part.sizes());
        found[i].push_back(part);
      }
      start += shares[rank];
    }
    for (std::size_t i = 0; i < whole.size(); ++i)
      EXPECT_TRUE(same_bits(at::cat(found[i]), whole[i].of_rows(W, 0))) << i;
  }
}

TEST(HeldMatrices, ExpertsThatAreSplitAmongProcessesAreWholeThere) {
  const Spread spread{{5, 4, 3}, {MeshAxis{0, 1, {3, 2}, "experts"}, MeshAxis{2, 0, {2, 1}, "columns"}}};
  const auto here = matrices_here(HeldMatrices(spread.sizes, {.flatten = false}), &spread);
  ASSERT_EQ(here.size(), 2);
  ASSERT_TRUE(here[0].spread);
  EXPECT_EQ(here[0].spread->sizes, (std::vector<int64_t>{4, 3}));
  ASSERT_EQ(here[0].spread->axes.size(), 1);
  EXPECT_EQ(here[0].spread->axes[0].dimension, 1);
  const Spread by_experts{{5, 4, 3}, {MeshAxis{0, 1, {3, 2}, "experts"}}};
  EXPECT_FALSE(matrices_here(HeldMatrices(by_experts.sizes, {.flatten = false}), &by_experts)[0].spread);
}

}  // namespace
}  // namespace fanion::optim
