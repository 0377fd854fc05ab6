#pragma once

#include "fanion/kernels/loops/loop_elements.h"

/// Gram matrix and triangular solve of a few float32 columns in double. For loop_table.cpp alone, like
/// loop_elements.h.
namespace fanion::kernels {
namespace {

using Doubles = double __attribute__((vector_size(kLanes * 4), aligned(8), may_alias));
using Singles = float __attribute__((vector_size(kLanes * 2), aligned(4), may_alias));

constexpr std::int64_t kPerVector = kLanes / 2;
constexpr std::int64_t kTileRows = kLanes == 16 ? 128 : kLanes == 8 ? 32 : 16;  ///< 16, 8 and 8 vectors
constexpr std::int64_t kTileVectors = kTileRows / kPerVector;

/// Rows of a block in double, column after column; rows past its end are zero.
struct Tile {
  double x[kMostBlockColumns * kTileRows];
  FANION_INLINE double* column(std::int64_t j) { return x + j * kTileRows; }

  FANION_INLINE void load(const Block& X, std::int64_t first, std::int64_t rows) {
    for (std::int64_t j = 0; j < X.columns; ++j) {
      const float* from = X.data + j * X.stride + first;
      double* to = column(j);
      std::int64_t r = 0;
      for (; r + kPerVector <= rows; r += kPerVector)
        *reinterpret_cast<Doubles*>(to + r) =
            __builtin_convertvector(*reinterpret_cast<const Singles*>(from + r), Doubles);
      for (; r < rows; ++r) to[r] = from[r];
      for (; r < kTileRows; ++r) to[r] = 0;
    }
  }
};

/// g[l] += x·y_l for N columns y.
template <int N>
FANION_INLINE void add_dots(const double* x, const double* y, double* g) {
  Doubles sums[N] = {};
  for (std::int64_t i = 0; i < kTileVectors; ++i) {
    const Doubles each = *reinterpret_cast<const Doubles*>(x + i * kPerVector);
    for (int l = 0; l < N; ++l) sums[l] += each * *reinterpret_cast<const Doubles*>(y + l * kTileRows + i * kPerVector);
  }
  for (int l = 0; l < N; ++l) {
    double total = 0;
    for (std::int64_t lane = 0; lane < kPerVector; ++lane) total += sums[l][lane];
    g[l] += total;
  }
}

/// The largest Σx² of a column, in double.
double largest_square(Block X, std::int64_t rows) {
  double largest = 0;
  for (std::int64_t j = 0; j < X.columns; ++j) {
    const float* x = X.data + j * X.stride;
    Doubles sums = {};
    std::int64_t r = 0;
    for (; r + kPerVector <= rows; r += kPerVector) {
      const auto each = __builtin_convertvector(*reinterpret_cast<const Singles*>(x + r), Doubles);
      sums += each * each;
    }
    double total = 0;
    for (std::int64_t lane = 0; lane < kPerVector; ++lane) total += sums[lane];
    for (; r < rows; ++r) total += static_cast<double>(x[r]) * x[r];
    // A NaN stays one.
    if (!(total <= largest)) largest = total;
  }
  return largest;
}

/// Upper triangle of G += XᵀX for `rows` rows of at most kMostBlockColumns columns; G has X.columns numbers a row.
void cross(Block X, std::int64_t rows, double* G) {
  Tile tile;
  for (std::int64_t first = 0; first < rows; first += kTileRows) {
    tile.load(X, first, rows - first < kTileRows ? rows - first : kTileRows);
    for (std::int64_t i = 0; i < X.columns; ++i) {
      std::int64_t j = i;
      for (; j + 4 <= X.columns; j += 4) add_dots<4>(tile.column(i), tile.column(j), G + i * X.columns + j);
      for (; j < X.columns; ++j) add_dots<1>(tile.column(i), tile.column(j), G + i * X.columns + j);
    }
  }
}

/// X ← X R⁻¹ for upper triangular R with X.columns numbers a row, rounded to float32 once.
void solve(Block X, std::int64_t rows, const double* R) {
  Tile tile;
  for (std::int64_t first = 0; first < rows; first += kTileRows) {
    const std::int64_t count = rows - first < kTileRows ? rows - first : kTileRows;
    tile.load(X, first, count);
    for (std::int64_t j = 0; j < X.columns; ++j) {
      double* column = tile.column(j);
      Doubles rest[kTileVectors];
      for (std::int64_t l = 0; l < kTileVectors; ++l) rest[l] = *reinterpret_cast<Doubles*>(column + l * kPerVector);
      for (std::int64_t i = 0; i < j; ++i) {
        const double factor = R[i * X.columns + j];
        const double* before = tile.column(i);
        for (std::int64_t l = 0; l < kTileVectors; ++l)
          rest[l] -= *reinterpret_cast<const Doubles*>(before + l * kPerVector) * factor;
      }
      const double scale = 1 / R[j * X.columns + j];
      for (std::int64_t l = 0; l < kTileVectors; ++l)
        *reinterpret_cast<Doubles*>(column + l * kPerVector) = rest[l] * scale;
      float* to = X.data + j * X.stride + first;
      for (std::int64_t r = 0; r < count; ++r) to[r] = static_cast<float>(column[r]);
    }
  }
}

}  // namespace
}  // namespace fanion::kernels
