#include "fanion/kernels/large_pages.h"

#include <ATen/TensorOperators.h>

namespace fanion::kernels {
namespace {

bool holds(const at::Tensor& X, double value) { return (X == value).all().item<bool>(); }

TEST(LargePages, LiveBuffersAreApartAndFreedOnesCanBeWrittenAgain) {
  for (const int64_t rows : {3, 1 << 10, 3 << 10}) {  // 12 KiB, of the usual allocator; two and six pages of 2 MiB
    const auto buffer = [&] { return empty_in_large_pages({rows, 1 << 10}, at::kFloat); };
    auto a = buffer().fill_(1), b = buffer().fill_(2);
    ASSERT_EQ(a.sizes(), (at::IntArrayRef{rows, 1 << 10}));
    EXPECT_TRUE(holds(a, 1));
    a.reset();
    const auto c = buffer().fill_(3), d = buffer().fill_(4);
    EXPECT_TRUE(holds(b, 2));
    EXPECT_TRUE(holds(c, 3));
    b.reset();
    const auto shorter = empty_in_large_pages({rows / 2, 1 << 10}, at::kFloat).fill_(5);
    EXPECT_TRUE(holds(c, 3));
    EXPECT_TRUE(holds(d, 4));
    EXPECT_TRUE(holds(shorter, 5));
  }
  const auto live = empty_in_large_pages({3 << 10, 1 << 10}, at::kFloat).fill_(6);
  EXPECT_GE(release_large_pages(), std::size_t{3 << 22}) << "what was freed above";
  EXPECT_EQ(release_large_pages(), 0);
  EXPECT_TRUE(holds(live, 6));
}

}  // namespace
}  // namespace fanion::kernels
