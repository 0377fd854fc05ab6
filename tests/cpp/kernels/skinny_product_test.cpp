#include "fanion/kernels/skinny_product.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/zeros.h>

#include "certificates.h"
#include "fanion/kernels/loops/loop_table.h"
#include "kernels/settings.h"
#include "kernels/skinny_cases.h"
#include "zoo.h"

namespace fanion::kernels {
#ifdef __x86_64__
extern const LoopTable kAvx2Loops, kAvx512Loops;  // loop_table.h shows them to the library alone
#endif
namespace {

using namespace fanion::testing;

class SkinnyProduct : public ::testing::TestWithParam<Case> {};

TEST_P(SkinnyProduct, IsTheProductForEveryInstructionSetAndColumnCount) {
  const Settings restored;
  const auto& A = GetParam().A;
  ASSERT_TRUE(takes_skinny(A));
  const auto before = A.clone();
  const auto X = random_normal(A.size(1), 34, 7).to(at::kFloat);
  for (const auto& set : instruction_sets()) {
    set_instruction_set(set);
    ASSERT_EQ(instruction_set(), set);
    for (int64_t b = 1; b <= 33; ++b) {
      SCOPED_TRACE(set + ", " + std::to_string(b) + " columns");
      expect_product(A, X.narrow(1, 1, b), skinny_product(A, X.narrow(1, 1, b)));
    }
  }
  EXPECT_TRUE(same_bits(A, before)) << "A was written to";
}

TEST_P(SkinnyProduct, TheLayoutOfTheBlockDoesNotMatter) {
  const auto& A = GetParam().A;
  const auto X = random_normal(A.size(1), 9, 8).to(at::kFloat);
  const auto expected = skinny_product(A, X);
  const auto by_columns = empty_block(A.size(1), 9);
  by_columns.copy_(X);
  auto wide = at::zeros({2 * A.size(1), 18}, at::kFloat);
  const auto strided = wide.slice(0, 0, std::nullopt, 2).slice(1, 0, std::nullopt, 2);
  strided.copy_(X);
  const auto last = at::zeros({A.size(1), 12}, at::kFloat).t().contiguous().t();  // columns contiguous, not aligned
  last.narrow(1, 3, 9).copy_(X);
  for (const auto& block : {by_columns, strided, last.narrow(1, 3, 9)}) {
    const auto before = block.clone();
    EXPECT_TRUE(same_bits(skinny_product(A, block), expected));
    EXPECT_TRUE(same_bits(block, before)) << "the block was written to";
  }
}

TEST_P(SkinnyProduct, FindsTheNormInPassing) {
  const auto& given = GetParam().A;
  const auto A = finds_squares(given) ? given : given.t();
  if (!finds_squares(A)) {
    EXPECT_EQ(std::min(A.size(0), A.size(1)), 1) << "else columns are contiguous in one of the two";
    return;
  }
  const double exact = std::pow(frobenius_norm(A), 2);
  for (const int64_t b : {1, 9}) {
    const auto X = random_normal(A.size(1), b, 9).to(at::kFloat);
    double squares = -1;
    const auto Y = skinny_product(A, X, &squares);
    EXPECT_NEAR(squares, exact, 1e-6 * exact);
    EXPECT_TRUE(same_bits(Y, skinny_product(A, X))) << "the product does not depend on it";
  }
}

INSTANTIATE_TEST_SUITE_P(All, SkinnyProduct, ::testing::ValuesIn(cases()),
                         [](const auto& each) { return each.param.name; });

TEST(SkinnyProduct, TheNumberOfThreadsDoesNotMatter) {
  const Settings restored;
  for (const auto dtype : {at::kFloat, at::kBFloat16, at::kHalf, at::kChar}) {
    const auto A = random_normal(1500, 310, 9).to(dtype);  // 7 chunks of rows or more for products, 4 for sums
    const auto B = random_normal(310, 1500, 10).to(dtype).t();
    for (const auto& set : instruction_sets())
      for (const int64_t columns : {1, 4, 8, 19}) {
        set_instruction_set(set);
        const auto X = random_normal(310, columns, 11).to(at::kFloat),
                   U = random_normal(1500, columns, 12).to(at::kFloat);
        std::vector<at::Tensor> first;
        for (const int threads : {1, 2, 3}) {
          at::set_num_threads(threads);
          ASSERT_EQ(at::get_num_threads(), threads);
          const std::vector<at::Tensor> now = {skinny_product(A, X), skinny_product(A.t(), U), skinny_product(B, X),
                                               skinny_product(B.t(), U)};
          if (first.empty()) first = now;
          for (std::size_t i = 0; i < now.size(); ++i)
            EXPECT_TRUE(same_bits(now[i], first[i])) << set << ", " << threads << " threads, product " << i;
        }
      }
  }
}

TEST(SkinnyProduct, TakesWhatItCanAndProductDoesTheRest) {
  const auto A = random_normal(20, 30, 14), X = random_normal(30, 3, 15);
  EXPECT_FALSE(takes_skinny(A));
  EXPECT_FALSE(takes_skinny(A.to(at::kFloat).slice(1, 0, std::nullopt, 2).slice(0, 0, std::nullopt, 2)));
  EXPECT_FALSE(takes_skinny(A.to(at::kFloat).narrow(0, 0, 1).expand({20, 30}))) << "rows overlap";
  EXPECT_TRUE(takes_skinny(A.to(at::kBFloat16)));
  EXPECT_TRUE(takes_skinny(A.to(at::kHalf)));
  EXPECT_TRUE(same_bits(product(A, X), at::matmul(A, X)));
  const auto overlapping = A.to(at::kFloat).narrow(0, 0, 1).expand({20, 30});
  expect_product(overlapping, X.to(at::kFloat), product(overlapping, X.to(at::kFloat)));
  const auto wide = random_normal(30, 80, 16).to(at::kFloat);
  for (const auto dtype : {at::kFloat, at::kBFloat16}) expect_product(A.to(dtype), wide, product(A.to(dtype), wide));
  EXPECT_VALUE_ERROR(set_instruction_set("sse9"), "choose one of: ");
  for (const int64_t rows : {1, 15, 16, 17}) {
    const auto block = empty_block(rows, 3);
    EXPECT_EQ(block.sizes(), (at::IntArrayRef{rows, 3}));
    EXPECT_EQ(block.stride(0), 1);
    EXPECT_EQ(block.stride(1) % 16, 0);
  }
}

std::vector<const LoopTable*> loops_of(const std::vector<std::string>& sets) {
  std::vector<const LoopTable*> all = {&kBaselineLoops};
#ifdef __x86_64__
  for (const auto* each : {&kAvx2Loops, &kAvx512Loops}) all.push_back(each);
#endif
  std::erase_if(all, [&](const auto* each) { return std::find(sets.begin(), sets.end(), each->name) == sets.end(); });
  return all;
}

TEST(SkinnyProduct, LoopsWriteNothingBesideTheirBlocks) {
  const int64_t m = 53, n = 37, stride = 80;  // blocks of 24 rows, vectors of 4 to 16 lanes: all leave a rest
  const auto A = random_normal(m, n, 17).to(at::kFloat);
  const Rows rows{A.const_data_ptr(), m, n, n, Storage::float32};
  const double exact = std::pow(frobenius_norm(A), 2);
  const auto sets = instruction_sets();
  ASSERT_EQ(loops_of(sets).size(), sets.size());
  for (const auto* loops : loops_of(sets))
    for (const int64_t columns : {1, 3, 4, 5, 8, 9}) {
      SCOPED_TRACE(std::string(loops->name) + ", " + std::to_string(columns) + " columns");
      // 16 floats or more of 7 before and after each vector.
      const auto V = random_normal(columns + 2, stride, 18).to(at::kFloat), Y = at::full({columns + 2, stride}, 7.0f);
      const auto Z = Y.clone(), scratch = at::full({skinny_scratch(24, columns) + 64}, 7.0f);
      const auto block = [&](const at::Tensor& X) { return Block{X.data_ptr<float>() + stride + 20, columns, stride}; };
      const auto own = [&](const at::Tensor& X, int64_t size) { return X.narrow(0, 1, columns).narrow(1, 20, size); };
      const auto expect_untouched = [&] {
        own(Y, m).fill_(7);
        own(Z, n).fill_(7);
        EXPECT_TRUE(((Y == 7).all() & (Z == 7).all()).item<bool>());
        EXPECT_TRUE((scratch.narrow(0, scratch.size(0) - 64, 64) == 7).all().item<bool>()) << "beyond the scratch";
      };
      double squares = 1;  // what is found is added to it
      const auto expect_squares = [&] {
        EXPECT_NEAR(squares, 1 + exact, 1e-6 * exact);
        squares = 1;
      };
      own(Z, n).zero_();
      loops->gram(rows, block(V), block(Y), block(Z), 24, scratch.data_ptr<float>(), &squares);
      expect_squares();
      expect_product(A, own(V, n).t(), own(Y, m).t());
      expect_product(A.t(), own(Y, m).t(), own(Z, n).t());
      expect_untouched();
      // Read out of the last cache, prefetched within rows, and from the next block: what the products take by size.
      for (const auto& streams : {Streams{24, 0}, Streams{24, 128}, Streams{8, 8 * n}}) {
        loops->forward(rows, block(V), block(Y), streams, scratch.data_ptr<float>());
        expect_product(A, own(V, n).t(), own(Y, m).t());
        own(Z, n).zero_();
        loops->adjoint(rows, block(Y), block(Z), streams, scratch.data_ptr<float>(), &squares);
        expect_squares();
        expect_product(A.t(), own(Y, m).t(), own(Z, n).t());
        expect_untouched();
      }
      const auto U = random_normal(m, columns, 19).to(at::kFloat), X = at::full({(m + 2) * columns}, 7.0f);
      const auto own_rows = X.narrow(0, columns, m * columns).view({m, columns});
      own_rows.zero_();
      loops->gram_panel(rows, U.data_ptr<float>(), block(Z), own_rows.data_ptr<float>(), 24, &squares);
      expect_squares();
      expect_product(A.t(), U, own(Z, n).t());
      expect_product(A, own(Z, n).t(), own_rows);
      expect_untouched();
      own_rows.fill_(7);
      EXPECT_TRUE((X == 7).all().item<bool>());
    }
}

}  // namespace
}  // namespace fanion::kernels
