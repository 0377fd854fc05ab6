#pragma once

#include "fanion/kernels/loops/dot_loops.h"

/// Sums of multiples of a few rows. For loop_table.cpp alone, like loop_elements.h.
///
/// A strip of two to four vectors × B columns of accumulators goes down the rows of a block. Where they are wanted, the
/// squares of the rows are summed up beside them: as their vectors are in registers, that takes a fifth of the time of
/// a sweep of its own over rows that the cache has.
namespace fanion::kernels {
namespace {

constexpr std::int64_t kNear = 64;  ///< elements by which rows are prefetched from the second-level cache

/// What is prefetched: what comes `far` elements on, from memory, into the first-level cache; or, where the second has
/// the rows, these into the first and the block `far` elements on into the second, whole or the lines that dot_tile
/// leaves.
enum class Ahead { stream, next_block, odd_lines };

/// Vectors of Z per strip, so that with the columns' accumulators they leave registers for the operands.
constexpr int strip_vectors(int columns) {
  constexpr int most = kLanes == 16 ? 16 : 8;
  return columns >= most / 2 ? 2 : most / columns > 4 ? 4 : most / columns;
}

/// Z[j, 0:N·kLanes] += Σ_r a[r, 0:N·kLanes] y[r][j] for `rows` rows, of one vector only the lanes in `mask`; y has
/// row_stride floats from row to row. With Squares, squares[lane] += the sum of those of a, in float32 for one strip.
template <Storage S, int B, int N, Ahead Prefetch, bool Squares>
FANION_INLINE void add_strip(const ElementOf<S>* a, std::int64_t stride, int rows, const float* y,
                             std::int64_t row_stride, float* z, std::int64_t z_stride, std::int64_t far,
                             const Words& mask, double* squares) {
  Vector acc[B][N], square[N] = {};
  for (int j = 0; j < B; ++j)
    for (int i = 0; i < N; ++i) acc[j][i] = *reinterpret_cast<Vector*>(z + j * z_stride + i * kLanes);
  const std::int64_t ahead = Prefetch == Ahead::stream ? far : kNear;
  for (int r = 0; r < rows; ++r) {
    Vector x[N];
    for (int i = 0; i < N; ++i) {
      const auto* from = a + r * stride + i * kLanes;
      x[i] = Element<S>::load(from);
      if (!starts_line<S>(i * kLanes)) continue;
      __builtin_prefetch(from + ahead);
      if (Prefetch == Ahead::next_block || (Prefetch == Ahead::odd_lines && (i % 2 == 1 || N == 1)))
        __builtin_prefetch(from + far, 0, 2);
    }
    if constexpr (N == 1) x[0] = masked(x[0], mask);
    if constexpr (Squares)
      for (int i = 0; i < N; ++i) square[i] += x[i] * x[i];
    for (int j = 0; j < B; ++j) {
      const float factor = y[r * row_stride + j];
      for (int i = 0; i < N; ++i) acc[j][i] += x[i] * factor;
    }
  }
  for (int j = 0; j < B; ++j)
    for (int i = 0; i < N; ++i) *reinterpret_cast<Vector*>(z + j * z_stride + i * kLanes) = acc[j][i];
  if constexpr (Squares) {
    for (int i = 1; i < N; ++i) square[0] += square[i];
    for (int lane = 0; lane < kLanes; ++lane) squares[lane] += square[0][lane];
  }
}

template <Storage S, int B, Ahead Prefetch, bool Squares>
void add_rows(const ElementOf<S>* a, std::int64_t stride, int rows, std::int64_t length, const float* y,
              std::int64_t row_stride, float* z, std::int64_t z_stride, std::int64_t far, double* squares) {
  constexpr int N = strip_vectors(B);
  const Words all = ~Words{};
  std::int64_t c = 0;
  for (; c + N * kLanes <= length; c += N * kLanes)
    add_strip<S, B, N, Prefetch, Squares>(a + c, stride, rows, y, row_stride, z + c, z_stride, far, all, squares);
  for (; c + kLanes <= length; c += kLanes)
    add_strip<S, B, 1, Prefetch, Squares>(a + c, stride, rows, y, row_stride, z + c, z_stride, far, all, squares);
  if (c == length) return;
  if (length >= kLanes) {  // the last vector again, but only the lanes that were left out
    const std::int64_t last = length - kLanes;
    return add_strip<S, B, 1, Prefetch, Squares>(a + last, stride, rows, y, row_stride, z + last, z_stride, far,
                                                 last_lanes(length - c), squares);
  }
  for (; c < length; ++c)
    for (int j = 0; j < B; ++j) {
      float total = z[j * z_stride + c];
      for (int r = 0; r < rows; ++r) total += Element<S>::one(a + r * stride + c) * y[r * row_stride + j];
      z[j * z_stride + c] = total;
    }
  if constexpr (Squares)
    for (int r = 0; r < rows; ++r)
      for (c = 0; c < length; ++c) {
        const double each = Element<S>::one(a + r * stride + c);
        squares[0] += each * each;
      }
}

}  // namespace
}  // namespace fanion::kernels
