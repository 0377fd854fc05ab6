#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/linspace.h>
#include <ATen/ops/pow.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <cmath>

#include "certificates.h"
#include "fanion/kernels/half_copy.h"
#include "kernels/settings.h"
#include "oracle.h"
#include "zoo.h"

namespace fanion::kernels {
namespace {

using namespace fanion::testing;

/// Every instruction set against ATen's rounding; the error and the sum of squares against float64.
void expect_half_copy(const at::Tensor& A) {
  const Settings restored;
  for (const auto& set : instruction_sets()) {
    SCOPED_TRACE(set);
    set_instruction_set(set);
    const auto copy = half_copy(A);
    ASSERT_TRUE(copy.has_value());
    const auto& half = *copy;
    const auto scaled = A.to(at::kDouble) * std::ldexp(1.0, half.exponent), H = half.H.to(at::kDouble);
    EXPECT_TRUE(at::equal(half.H, scaled.to(at::kFloat).to(at::kHalf)));
    const double error = std::ldexp(frobenius_norm(scaled - H), -half.exponent);
    EXPECT_GE(half.error, error);
    EXPECT_LE(half.error, 1.001 * error);
    EXPECT_LE(half.error, 0x1p-11 * frobenius_norm(A)) << "float16 has 11 bits";
    EXPECT_NEAR(half.full_squares, std::pow(frobenius_norm(A), 2), 1e-6 * half.full_squares);
    EXPECT_NEAR(half.squares, std::pow(frobenius_norm(H), 2), 1e-6 * half.squares);
    EXPECT_EQ(half.H.stride(0) == 1, A.stride(0) == 1) << "the layout of A";
  }
}

TEST(HalfCopy, RoundsToNearestAndKnowsWhatThatChanged) {
  for (const auto& [m, n] :
       std::vector<std::pair<int64_t, int64_t>>{{1, 1}, {3, 5}, {17, 64}, {40, 1043}, {1043, 3}, {300, 400}})
    for (const double size : {1.0, 1e-20, 1e20}) {
      const auto A = (random_normal(m, n, 21) * size).to(at::kFloat);
      expect_half_copy(A);
      expect_half_copy(A.t());
    }
  expect_half_copy(random_normal(50, 90, 22).to(at::kFloat).narrow(1, 3, 70));
}

/// Entries down to where float16 has no more numbers beside a large one; ties; both signs.
TEST(HalfCopy, GradedEntriesAndTies) {
  const auto graded = at::pow(2.0, at::linspace(0, -45, 451, at::kDouble));
  const auto ties = at::linspace(1, 2, 4097, at::kDouble).narrow(0, 0, 4096);  // halfway between float16 numbers
  // Just above a tie of the smallest float16 numbers, which rounding in two steps would send the other way.
  const auto subnormal =
      at::cat({at::tensor({1.0}, at::kDouble), at::linspace(0.5, 20.5, 41, at::kDouble) * (0x1p-38 * (1 + 0x1p-20))});
  for (const auto& row : {graded, ties, subnormal}) expect_half_copy(at::cat({row, -row}).unsqueeze(0).to(at::kFloat));
}

/// What copies beyond the caches take, from where it is tied to the ordinary loop.
TEST(HalfCopy, StreamedStoresWriteTheSame) {
  const Settings restored;
  const auto x = random_normal(1, 65536 + 37, 24).to(at::kFloat) * 1e3;
  const auto written = [&](bool stream) {
    const auto h = at::full({x.numel() + 32}, 7, at::kHalf);
    const auto sums = loops_in_use().narrow(x.data_ptr<float>(), reinterpret_cast<uint16_t*>(h.data_ptr<at::Half>()),
                                            x.numel(), 0.5F, stream);
    EXPECT_TRUE((h.narrow(0, x.numel(), 32) == 7).all().item<bool>()) << "written beside the copy";
    return std::pair{h, sums};
  };
  for (const auto& set : instruction_sets()) {
    SCOPED_TRACE(set);
    set_instruction_set(set);
    const auto [h, sums] = written(false);
    const auto [streamed, streamed_sums] = written(true);
    EXPECT_TRUE(at::equal(h.narrow(0, 0, x.numel()), (x * 0.5).to(at::kHalf).view(-1)));
    EXPECT_TRUE(at::equal(streamed, h));
    EXPECT_EQ(streamed_sums.error, sums.error);
    EXPECT_EQ(streamed_sums.squares, sums.squares);
  }
}

TEST(HalfCopy, NothingOverflows) {
  auto A = random_normal(30, 30, 23).to(at::kFloat) * 1e-3;
  A[4][5] = 1;  // nearly all of the norm
  const auto half = half_copy(A);
  ASSERT_TRUE(half.has_value());
  EXPECT_TRUE(half->H.isfinite().all().item<bool>());
  EXPECT_GE(half->H.abs().max().item<double>(), 0x1p13);
}

/// Every tenth row is all that the exponent is guessed from.
TEST(HalfCopy, RowsThatMislead) {
  for (const double size : {1e-12, 1e-3, 1e3, 1e12}) {
    SCOPED_TRACE(size);
    auto A = random_normal(320, 20, 25).to(at::kFloat);
    A.slice(0, 0, 320, 10).mul_(size);
    expect_half_copy(A);
    expect_half_copy(A.t());
  }
}

TEST(HalfCopy, NothingForWhatHasNoNormInRange) {
  EXPECT_FALSE(half_copy(at::zeros({40, 7})).has_value());
  for (const float entry : {INFINITY, NAN, 1e35F}) {
    auto A = random_normal(400, 7, 26).to(at::kFloat);
    A[33][3] = entry;  // no row that is sampled
    EXPECT_FALSE(half_copy(A).has_value()) << entry;
  }
}

}  // namespace
}  // namespace fanion::kernels
