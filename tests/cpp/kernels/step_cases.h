#pragma once

#include <ATen/TensorOperators.h>

#include <algorithm>
#include <array>
#include <vector>

#include "zoo.h"

/// Matrices for the sweeps of a step, and how far a float32 result is from its formula in double.
namespace fanion::kernels {

constexpr double kRoundings = 8 * 6e-8;  // a few of float32, of numbers no larger than those that are compared

inline at::Tensor normal(int64_t rows, int64_t cols, uint64_t seed) {
  return testing::random_normal(rows, cols, seed).to(at::kFloat);
}
inline at::Tensor exact(const at::Tensor& X) { return X.to(at::kDouble); }

/// max |x − y|, over max(1, max |y|).
inline double distance(const at::Tensor& X, const at::Tensor& Y) {
  return (exact(X) - Y).abs().max().item<double>() / std::max(1.0, Y.abs().max().item<double>());
}

/// From less than a vector to several threads' shares, with and without a remainder of columns and of rows.
inline const std::vector<std::array<int64_t, 2>> kSizes = {{1, 1},   {1, 15},    {4, 4},    {3, 11},    {7, 33},
                                                           {17, 64}, {200, 331}, {331, 40}, {512, 384}, {9, 2000}};

}  // namespace fanion::kernels
