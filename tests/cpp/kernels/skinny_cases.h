#pragma once

#include <ATen/TensorOperators.h>
#include <ATen/ops/matmul.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "zoo.h"

namespace fanion::kernels {

struct Case {
  std::string name;
  at::Tensor A;
};
inline std::ostream& operator<<(std::ostream& out, const Case& each) { return out << each.name; }

/// Tiles have 1 to 8 rows and up to 16 lanes, blocks 24 rows, pieces 512 columns, chunks at least 72 rows.
inline std::vector<Case> cases() {
  const auto random_normal = [](int64_t m, int64_t n, uint64_t seed, at::ScalarType dtype) {
    return (fanion::testing::random_normal(m, n, seed) * (dtype == at::kChar ? 30 : 1)).to(dtype);
  };
  std::vector<Case> all;
  const std::vector<std::pair<int64_t, int64_t>> shapes = {
      {1, 1},   {1, 2},    {1, 515},  {2, 1},    {517, 1}, {3, 5},     {15, 17}, {16, 16}, {17, 15},
      {23, 33}, {24, 512}, {25, 511}, {31, 513}, {73, 47}, {145, 530}, {301, 7}, {7, 1040}};
  uint64_t seed = 1;
  for (const auto& [dtype, type] : std::vector<std::pair<at::ScalarType, std::string>>{
           {at::kFloat, "_float32"}, {at::kBFloat16, "_bfloat16"}, {at::kHalf, "_float16"}, {at::kChar, "_int8"}}) {
    for (const auto& [m, n] : shapes) {
      const auto name = std::to_string(m) + "x" + std::to_string(n);
      all.push_back({name + type, random_normal(m, n, seed++, dtype)});
      if (m <= 25 || m == 145 || m == 517)
        all.push_back({name + "_transposed" + type, random_normal(n, m, seed++, dtype).t()});
    }
    const auto larger = random_normal(60, 70, seed++, dtype);
    all.push_back({"first_columns" + type, larger.narrow(1, 0, 67)});
    all.push_back({"unaligned" + type, larger.narrow(0, 1, 50).narrow(1, 3, 66)});  // starts 3, 6 or 12 bytes on
    all.push_back({"unaligned_transposed" + type, larger.narrow(0, 1, 50).narrow(1, 3, 66).t()});
    all.push_back({"one_column_of_many" + type, larger.narrow(1, 5, 1)});
    all.push_back({"every_second_row" + type, larger.slice(0, 0, std::nullopt, 2)});
  }
  return all;
}

/// Exact within n·u·|A||X| for sums of n products in any order (Higham 2002, (3.13), to first order; 1 % for the rest);
/// products of float32, or of smaller numbers and float32, are exact in float64. The smallest normal number is for
/// underflow.
inline void expect_product(const at::Tensor& A, const at::Tensor& X, const at::Tensor& Y) {
  constexpr double kRoundoff = std::numeric_limits<float>::epsilon() / 2;
  ASSERT_EQ(Y.sizes(), (at::IntArrayRef{A.size(0), X.size(1)}));
  ASSERT_EQ(Y.scalar_type(), at::kFloat);
  const auto a = A.to(at::kDouble), x = X.to(at::kDouble);
  const auto allowed = at::matmul(a.abs(), x.abs()) * (1.01 * kRoundoff * static_cast<double>(A.size(1))) +
                       std::numeric_limits<float>::min();
  EXPECT_TRUE(((Y.to(at::kDouble) - at::matmul(a, x)).abs() <= allowed).all().item<bool>());
}

}  // namespace fanion::kernels
