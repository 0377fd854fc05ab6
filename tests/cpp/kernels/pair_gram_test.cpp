#include "fanion/kernels/pair_gram.h"

#include <ATen/ops/ones.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>

#include "certificates.h"
#include "fanion/kernels/skinny_product.h"
#include "kernels/settings.h"
#include "kernels/skinny_cases.h"

namespace fanion::kernels {
namespace {

using namespace fanion::testing;

bool has_pairs() { return takes_pairs(random_normal(8, 8, 1).to(at::kBFloat16), 1); }
at::Tensor rounded(const at::Tensor& X) { return X.to(at::kBFloat16).to(at::kFloat); }

/// What `takes_pairs` of the cases: bfloat16, row-major.
std::vector<Case> pair_cases() {
  std::vector<Case> all;
  for (auto& each : cases())
    if (each.A.scalar_type() == at::kBFloat16 && each.A.stride(1) == 1) all.push_back(std::move(each));
  all.push_back({"long_rows", random_normal(75, 6001, 53).to(at::kBFloat16)});
  return all;
}

class PairGram : public ::testing::TestWithParam<Case> {};

TEST_P(PairGram, IsTheTwoProductsOfRoundedVectors) {
  if (!has_pairs()) GTEST_SKIP() << "no products of bfloat16 pairs here";
  const auto& A = GetParam().A;
  const auto before = A.clone();
  const auto X = random_normal(A.size(1), 18, 7).to(at::kFloat);
  for (int64_t b = 1; b <= 16; ++b) {
    SCOPED_TRACE(std::to_string(b) + " columns");
    if (!takes_pairs(A, b)) {
      EXPECT_GT(b, 8) << "one sweep serves so many";
      continue;
    }
    const auto V = X.narrow(1, 1, b);
    const auto [Y, Z] = pair_gram(A, V);
    expect_product(A, rounded(V), Y);
    expect_product(A.t(), rounded(Y), Z);
  }
  EXPECT_TRUE(same_bits(A, before)) << "A was written to";
}

INSTANTIATE_TEST_SUITE_P(All, PairGram, ::testing::ValuesIn(pair_cases()),
                         [](const auto& each) { return each.param.name; });

TEST(PairGram, NeitherThreadsNorLayoutMatter) {
  if (!has_pairs()) GTEST_SKIP() << "no products of bfloat16 pairs here";
  const Settings restored;
  const auto A = random_normal(1500, 310, 10).to(at::kBFloat16);
  for (const int64_t columns : {1, 4, 8}) {
    const auto V = random_normal(310, columns, 12).to(at::kFloat);
    const auto [Y, Z] = pair_gram(A, V);
    const auto by_columns = empty_block(310, columns);
    by_columns.copy_(V);
    for (const int threads : {1, 2, 3})
      for (const auto& block : {V, by_columns}) {
        at::set_num_threads(threads);
        const auto [Y_now, Z_now] = pair_gram(A, block);
        EXPECT_TRUE(same_bits(Y_now, Y) && same_bits(Z_now, Z)) << threads << " threads, " << columns << " columns";
      }
  }
}

/// Rounding to bfloat16, ties to even, of every kind of number that a product can be.
TEST(PairGram, RoundsProductsToNearest) {
  if (!has_pairs()) GTEST_SKIP() << "no products of bfloat16 pairs here";
  const auto ties = at::tensor({1.0, 1 + 0x1p-8, 1 + 0x3p-8, -1 - 0x1p-8, 0x1.01p-100, -0x1.01p127, 0.0, 257.0,
                                1 + 0x1p-8 + 0x1p-15, 1 + 0x1p-8 - 0x1p-15},
                               at::kFloat);
  for (int64_t i = 0; i < ties.size(0); ++i) {
    const auto sum = at::stack({rounded(ties[i]), ties[i] - rounded(ties[i])}).unsqueeze(1);  // each exact in bfloat16
    const auto [Y, Z] = pair_gram(at::ones({1, 2}, at::kBFloat16), sum);
    ASSERT_EQ(Y.item<float>(), ties[i].item<float>());
    EXPECT_EQ(Z[0].item<float>(), rounded(ties[i]).item<float>()) << ties[i].item<float>();
  }
}

TEST(PairGram, TakesWhatItIsFor) {
  const Settings restored;
  const auto A = random_normal(60, 40, 13).to(at::kBFloat16);
  EXPECT_FALSE(takes_pairs(A.to(at::kHalf), 4)) << "float16";
  EXPECT_FALSE(takes_pairs(A.to(at::kFloat), 4)) << "float32";
  EXPECT_FALSE(takes_pairs(A.t(), 4)) << "column-major";
  EXPECT_FALSE(takes_pairs(A, 0)) << "no columns";
  set_instruction_set("baseline");
  EXPECT_FALSE(takes_pairs(A, 4)) << "another instruction set";
}

}  // namespace
}  // namespace fanion::kernels
