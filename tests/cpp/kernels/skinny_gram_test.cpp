#include "fanion/kernels/skinny_gram.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include "certificates.h"
#include "fanion/kernels/skinny_product.h"
#include "kernels/settings.h"
#include "kernels/skinny_cases.h"

namespace fanion::kernels {
namespace {

using namespace fanion::testing;

/// Panels of A's rows as stored are at most 512 columns wide, and chunks at least three panels. Of the long rows fewer
/// than 24 fit the second-level cache, of the short ones the first holds as many.
std::vector<Case> gram_cases() {
  auto all = cases();
  all.push_back({"long_rows_float32", random_normal(75, 6001, 53).to(at::kFloat)});
  for (const auto dtype : {at::kFloat, at::kHalf}) {
    const std::string type = dtype == at::kFloat ? "_float32" : "_float16";
    all.push_back({"two_chunks" + type, random_normal(9, 2601, 50).to(dtype).t()});
    all.push_back({"one_row_of_many_columns" + type, random_normal(1, 2601, 51).to(dtype).t()});
    all.push_back({"columns_of_more" + type, random_normal(40, 3100, 52).to(dtype).narrow(1, 5, 3001).t()});
  }
  return all;
}

class SkinnyGram : public ::testing::TestWithParam<Case> {};

TEST_P(SkinnyGram, IsTheTwoProductsForEveryInstructionSetAndColumnCount) {
  const Settings restored;
  const auto& A = GetParam().A;
  const auto before = A.clone();
  const auto X = random_normal(A.size(1), 34, 7).to(at::kFloat);
  for (const auto& set : instruction_sets()) {
    set_instruction_set(set);
    for (const int64_t b : {1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 17, 33}) {
      SCOPED_TRACE(set + ", " + std::to_string(b) + " columns");
      const auto V = X.narrow(1, 1, b);
      const auto [Y, Z] = skinny_gram(A, V);
      expect_product(A, V, Y);
      expect_product(A.t(), Y, Z);
    }
  }
  EXPECT_TRUE(same_bits(A, before)) << "A was written to";
}

TEST_P(SkinnyGram, FindsTheNormInPassing) {
  const auto& A = GetParam().A;
  const double exact = std::pow(frobenius_norm(A), 2);
  for (const int64_t b : {1, 9}) {
    const auto V = random_normal(A.size(1), b, 9).to(at::kFloat);
    double squares = -1;
    const auto [Y, Z] = skinny_gram(A, V, &squares);
    EXPECT_NEAR(squares, exact, 1e-6 * exact);
    const auto [Y_alone, Z_alone] = skinny_gram(A, V);
    EXPECT_TRUE(same_bits(Y, Y_alone) && same_bits(Z, Z_alone)) << "the products do not depend on it";
  }
}

TEST_P(SkinnyGram, WritesIntoPartsOfBlocksAndNothingBesideThem) {
  const auto& A = GetParam().A;
  const int64_t m = A.size(0), n = A.size(1);
  for (const int64_t b : {1, 3, 9}) {
    SCOPED_TRACE(std::to_string(b) + " columns");
    const auto V = random_normal(n, b, 8).to(at::kFloat);
    const auto [Y, Z] = skinny_gram(A, V);
    // Blocks with two columns and three rows more on either side, and one whose columns follow each other closely.
    const auto large_Y = at::full({b + 4, m + 6}, 7.0f).t(), large_Z = at::full({b + 4, n + 6}, 7.0f).t();
    const auto own_Y = large_Y.narrow(0, 3, m).narrow(1, 2, b), own_Z = large_Z.narrow(0, 3, n).narrow(1, 2, b);
    const auto close_Y = at::full({b + 1, m}, 7.0f).t(), close_Z = at::full({b + 1, n}, 7.0f).t();
    skinny_gram_into(A, V, own_Y, own_Z);
    skinny_gram_into(A, V, close_Y.narrow(1, 0, b), close_Z.narrow(1, 0, b));
    for (const auto& [written, expected] :
         {std::pair{own_Y, Y}, {own_Z, Z}, {close_Y.narrow(1, 0, b), Y}, {close_Z.narrow(1, 0, b), Z}}) {
      EXPECT_TRUE(same_bits(written, expected));
      written.fill_(7);
    }
    for (const auto& all : {large_Y, large_Z, close_Y, close_Z})
      EXPECT_TRUE((all == 7).all().item<bool>()) << "written beside a block";
  }
}

TEST_P(SkinnyGram, TheLayoutOfTheBlockDoesNotMatter) {
  const auto& A = GetParam().A;
  const auto V = random_normal(A.size(1), 9, 9).to(at::kFloat);
  const auto [Y, Z] = skinny_gram(A, V);
  const auto by_columns = empty_block(A.size(1), 9);
  by_columns.copy_(V);
  const auto strided =
      at::zeros({2 * A.size(1), 18}, at::kFloat).slice(0, 0, std::nullopt, 2).slice(1, 0, std::nullopt, 2);
  strided.copy_(V);
  for (const auto& block : {by_columns, strided}) {
    const auto before = block.clone();
    const auto [Y_now, Z_now] = skinny_gram(A, block);
    EXPECT_TRUE(same_bits(Y_now, Y));
    EXPECT_TRUE(same_bits(Z_now, Z));
    EXPECT_TRUE(same_bits(block, before)) << "the block was written to";
  }
}

INSTANTIATE_TEST_SUITE_P(All, SkinnyGram, ::testing::ValuesIn(gram_cases()),
                         [](const auto& each) { return each.param.name; });

TEST(SkinnyGram, TheNumberOfThreadsDoesNotMatter) {
  const Settings restored;
  for (const auto dtype : {at::kFloat, at::kBFloat16, at::kHalf}) {
    const auto by_rows = random_normal(1500, 310, 10).to(dtype);        // 4 chunks or more
    const auto by_panels = random_normal(310, 6000, 11).to(dtype).t();  // of three panels of at most 512 columns each
    for (const auto& set : instruction_sets())
      for (const int64_t columns : {1, 4, 8, 19}) {
        set_instruction_set(set);
        const auto V = random_normal(310, columns, 12).to(at::kFloat);
        std::vector<at::Tensor> first;
        for (const int threads : {1, 2, 3}) {
          at::set_num_threads(threads);
          ASSERT_EQ(at::get_num_threads(), threads);
          std::vector<at::Tensor> now;
          for (const auto& A : {by_rows, by_panels}) {
            const auto [Y, Z] = skinny_gram(A, V);
            now.insert(now.end(), {Y, Z});
          }
          if (first.empty()) first = now;
          for (std::size_t i = 0; i < now.size(); ++i)
            EXPECT_TRUE(same_bits(now[i], first[i])) << set << ", " << threads << " threads, product " << i;
        }
      }
  }
}

TEST(SkinnyGram, ReadsOncePerEightColumnsWhereThatIsFaster) {
  const auto rows = at::empty({3000, 2000}, at::kFloat), columns = at::empty({500, 20000}, at::kFloat).t();
  for (const auto& A : {rows, columns}) {
    EXPECT_EQ(gram_reads(A, 0), 0);
    EXPECT_EQ(gram_reads(A, 8), 1);
    EXPECT_EQ(gram_reads(A, 9), 2);
    EXPECT_EQ(gram_reads(A, 16), 2);
    EXPECT_EQ(gram_reads(A, 17), 0) << "two products are faster";
  }
  const auto cached = at::empty({100, 50}, at::kFloat);
  EXPECT_EQ(gram_reads(cached, 8), 1);
  EXPECT_EQ(gram_reads(cached, 9), 0) << "two products of all columns are faster from a cache";
  EXPECT_EQ(gram_reads(rows.to(at::kDouble), 8), 0) << "float64";
  EXPECT_EQ(gram_reads(at::empty({2, 1 << 24}, at::kBFloat16), 8), 0) << "eight columns of V are 512 MiB";
  EXPECT_EQ(gram_reads(at::empty({1 << 18, 64}, at::kFloat).t(), 8), 0) << "256 bytes of each column are 64 MiB";
  EXPECT_EQ(gram_reads(at::empty({500, 8000}, at::kFloat).t(), 8), 0) << "16 million bytes may be in a cache";
}

}  // namespace
}  // namespace fanion::kernels
