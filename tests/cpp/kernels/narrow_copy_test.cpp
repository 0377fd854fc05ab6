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
#include "fanion/kernels/narrow_copy.h"
#include "kernels/settings.h"
#include "oracle.h"
#include "zoo.h"

namespace fanion::kernels {
namespace {

using namespace fanion::testing;

/// Every instruction set against ATen's rounding; the error and the sum of squares against float64.
void expect_half_copy(const at::Tensor& A, at::ScalarType dtype) {
  const Settings restored;
  for (const auto& set : instruction_sets()) {
    SCOPED_TRACE(c10::str(set, ", ", dtype));
    set_instruction_set(set);
    const auto copy = half_copy(A, dtype);
    ASSERT_TRUE(copy.has_value());
    const auto& half = *copy;
    const auto scaled = A.to(at::kDouble) * half.scale, H = half.narrow.to(at::kDouble);
    EXPECT_TRUE(at::equal(half.narrow, scaled.to(at::kFloat).to(dtype)));
    const double error = frobenius_norm(scaled - H) / half.scale;
    EXPECT_GE(half.error, error);
    EXPECT_LE(half.error, 1.001 * error);
    EXPECT_LE(half.error, (dtype == at::kHalf ? 0x1p-11 : 0x1p-8) * frobenius_norm(A)) << "11 bits, and 8";
    EXPECT_NEAR(half.full_squares, std::pow(frobenius_norm(A), 2), 1e-6 * half.full_squares);
    EXPECT_NEAR(half.squares, std::pow(frobenius_norm(H), 2), 1e-6 * half.squares);
    EXPECT_EQ(half.narrow.stride(0) == 1, A.stride(0) == 1) << "the layout of A";
  }
}

void expect_half_copy(const at::Tensor& A) {
  for (const auto dtype : {at::kHalf, at::kBFloat16}) expect_half_copy(A, dtype);
}

TEST(NarrowCopy, HalfRoundsToNearestAndKnowsWhatThatChanged) {
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
TEST(NarrowCopy, HalfGradedEntriesAndTies) {
  const auto graded = at::pow(2.0, at::linspace(0, -45, 451, at::kDouble));
  const auto ties = at::linspace(1, 2, 4097, at::kDouble).narrow(0, 0, 4096);  // halfway between float16 numbers
  // Just above a tie of the smallest float16 numbers, which rounding in two steps would send the other way.
  const auto subnormal =
      at::cat({at::tensor({1.0}, at::kDouble), at::linspace(0.5, 20.5, 41, at::kDouble) * (0x1p-38 * (1 + 0x1p-20))});
  for (const auto& row : {graded, ties, subnormal}) expect_half_copy(at::cat({row, -row}).unsqueeze(0).to(at::kFloat));
}

/// What copies beyond the caches take, from where it is tied to the ordinary loop.
TEST(NarrowCopy, StreamedStoresWriteTheSame) {
  const Settings restored;
  const auto x = random_normal(1, 65536 + 37, 24).to(at::kFloat) * 60;
  const auto written = [&](at::ScalarType dtype, bool stream) {
    const auto h = at::full({x.numel() + 32}, 7, dtype);
    const auto to = storage_of(h).value();
    const auto sums = loops_in_use().narrow(x.data_ptr<float>(), h.data_ptr(), to, x.numel(), 0.5F, stream);
    EXPECT_TRUE((h.narrow(0, x.numel(), 32) == 7).all().item<bool>()) << "written beside the copy";
    return std::pair{h, sums};
  };
  for (const auto& set : instruction_sets()) {
    SCOPED_TRACE(set);
    set_instruction_set(set);
    for (const auto dtype : {at::kHalf, at::kBFloat16, at::kChar}) {
      const auto [h, sums] = written(dtype, false);
      const auto [streamed, streamed_sums] = written(dtype, true);
      const auto expected = dtype == at::kChar ? (x * 0.5).clamp(-128, 127).round() : x * 0.5;
      EXPECT_TRUE(at::equal(h.narrow(0, 0, x.numel()), expected.to(dtype).view(-1)));
      EXPECT_TRUE(at::equal(streamed, h));
      EXPECT_EQ(streamed_sums.error, sums.error);
      EXPECT_EQ(streamed_sums.squares, sums.squares);
    }
  }
}

TEST(NarrowCopy, HalfNothingOverflows) {
  auto A = random_normal(30, 30, 23).to(at::kFloat) * 1e-3;
  A[4][5] = 1;  // nearly all of the norm
  const auto half = half_copy(A);
  ASSERT_TRUE(half.has_value());
  EXPECT_TRUE(half->narrow.isfinite().all().item<bool>());
  EXPECT_GE(half->narrow.abs().max().item<double>(), 0x1p13);
}

/// Every tenth row is all that the exponent is guessed from.
TEST(NarrowCopy, HalfRowsThatMislead) {
  for (const double size : {1e-12, 1e-3, 1e3, 1e12}) {
    SCOPED_TRACE(size);
    auto A = random_normal(320, 20, 25).to(at::kFloat);
    A.slice(0, 0, 320, 10).mul_(size);
    expect_half_copy(A);
    expect_half_copy(A.t());
  }
}

/// What int8 makes of A against float64; all instruction sets agree.
void expect_byte_copy(const at::Tensor& A, double most_lost) {
  const Settings restored;
  at::Tensor first;
  for (const auto& set : instruction_sets()) {
    SCOPED_TRACE(set);
    set_instruction_set(set);
    const auto copy = byte_copy(A);
    ASSERT_TRUE(copy.has_value());
    const auto Q = copy->narrow.to(at::kDouble), scaled = A.to(at::kDouble) * copy->scale;
    EXPECT_EQ(copy->narrow.scalar_type(), at::kChar);
    EXPECT_EQ(copy->narrow.stride(0) == 1, A.stride(0) == 1) << "the layout of A";
    EXPECT_LE((Q - scaled.clamp(-128, 127)).abs().max().item<double>(), 0.5 + 1e-5) << "to nearest";
    const double error = frobenius_norm(scaled - Q) / copy->scale;
    EXPECT_GE(copy->error, error);
    EXPECT_LE(copy->error, 1.001 * error + 1e-6 * frobenius_norm(A));
    EXPECT_LE(copy->error, most_lost * frobenius_norm(A));
    EXPECT_NEAR(copy->full_squares, std::pow(frobenius_norm(A), 2), 1e-5 * copy->full_squares);
    EXPECT_NEAR(copy->squares, std::pow(frobenius_norm(Q), 2), 1e-5 * copy->squares);
    if (!first.defined()) first = copy->narrow;
    EXPECT_TRUE(at::equal(copy->narrow, first)) << "as the baseline";
  }
}

TEST(NarrowCopy, ByteRoundsToNearestAndKnowsWhatThatChanged) {
  for (const auto& [m, n] :
       std::vector<std::pair<int64_t, int64_t>>{{1, 1}, {3, 5}, {17, 64}, {40, 1043}, {1043, 3}, {300, 400}})
    for (const double size : {1.0, 1e-20, 1e20}) {
      const auto A = (random_normal(m, n, 31) * size).to(at::kFloat);
      expect_byte_copy(A, 0.015);
      expect_byte_copy(A.t(), 0.015);
    }
  expect_byte_copy(random_normal(50, 90, 32).to(at::kFloat).narrow(1, 3, 70), 0.015);
}

/// Larger entries than the sampled rows have are cut where they are few; else the scale is that of the largest.
TEST(NarrowCopy, ByteEntriesThatWereNotSampled) {
  auto A = random_normal(640, 640, 33).to(at::kFloat);  // every twentieth row is sampled
  A[33][7] = 6;
  expect_byte_copy(A, 0.015);
  EXPECT_EQ(byte_copy(A)->narrow[33][7].item<int64_t>(), 127);
  EXPECT_GT(byte_copy(A)->scale, 127 / 5.5);
  A[33][7] = 1;
  A[33].mul_(5);
  expect_byte_copy(A, 0.05);
  EXPECT_FLOAT_EQ(byte_copy(A)->scale, 127 / A.abs().max().item<double>());
}

TEST(NarrowCopy, ByteNothingWhereTooMuchIsLost) {
  auto A = random_normal(300, 50, 34).to(at::kFloat);
  A[7][7] = 1e4;  // most of the norm, but the rest is nearly all lost
  EXPECT_TRUE(byte_copy(A).has_value());
  A[7][7] = 1e3;
  EXPECT_FALSE(byte_copy(A).has_value());
  EXPECT_FALSE(byte_copy(at::zeros({40, 7})).has_value());
  for (const float entry : {INFINITY, NAN, 1e35F}) {
    auto B = random_normal(400, 7, 35).to(at::kFloat);
    B[33][3] = entry;
    EXPECT_FALSE(byte_copy(B).has_value()) << entry;
  }
}

TEST(NarrowCopy, HalfNothingForWhatHasNoNormInRange) {
  EXPECT_FALSE(half_copy(at::zeros({40, 7})).has_value());
  for (const float entry : {INFINITY, NAN, 1e35F}) {
    auto A = random_normal(400, 7, 26).to(at::kFloat);
    A[33][3] = entry;  // no row that is sampled
    EXPECT_FALSE(half_copy(A).has_value()) << entry;
  }
}

}  // namespace
}  // namespace fanion::kernels
