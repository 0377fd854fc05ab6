#pragma once

#include "fanion/kernels/loops/dot_loops.h"

/// Dot products within a panel of a few columns. For loop_table.cpp alone, like loop_elements.h.
namespace fanion::kernels {
namespace {

/// z[r][j] += a[r, 0:length] · y[j, 0:length], length a multiple of kLanes; z has z_stride floats from row to row.
/// Unlike `dot_tile` it is done with its rows at once, and prefetches none of them.
template <Storage S, int R, int B>
FANION_INLINE void short_dot_tile(const ElementOf<S>* a, std::int64_t stride, const float* y, std::int64_t y_stride,
                                  std::int64_t length, float* z, std::int64_t z_stride, const ElementOf<S>* later) {
  constexpr std::int64_t tile = std::int64_t{R} * B;
  Vector acc[tile] = {};
  for (std::int64_t c = 0; c < length; c += kLanes) {
    Vector x[R];
    for (int r = 0; r < R; ++r) {
      x[r] = Element<S>::load(a + r * stride + c);
      if (starts_line<S>(c)) __builtin_prefetch(later + r * stride + c, 0, 2);
    }
    for (int j = 0; j < B; ++j) {
      Vector each = *reinterpret_cast<const Vector*>(y + j * y_stride + c);
      FANION_KEEP(each);
      for (int r = 0; r < R; ++r) acc[r * B + j] += x[r] * each;
    }
  }
  float totals[(tile + kLanes - 1) / kLanes * kLanes];
  sums_of_lanes<tile>(acc, totals);
  for (int r = 0; r < R; ++r)
    for (int j = 0; j < B; ++j) z[r * z_stride + j] += totals[r * B + j];
}

/// Z += A Y of a panel A, and a prefetch of its right neighbour; z has z_stride floats from row to row.
template <Storage S, int B>
void dot_panel(const Rows& A, const float* y, std::int64_t y_stride, float* z, std::int64_t z_stride) {
  constexpr int R = tile_rows(B);
  const auto* a = static_cast<const ElementOf<S>*>(A.data);
  const std::int64_t whole = A.cols / kLanes * kLanes;
  std::int64_t r = 0;
  for (; r + R <= A.rows; r += R) {
    const auto* rows = a + r * A.stride;
    short_dot_tile<S, R, B>(rows, A.stride, y, y_stride, whole, z + r * z_stride, z_stride, rows + A.cols);
  }
  for (; r < A.rows; ++r) {
    const auto* row = a + r * A.stride;
    short_dot_tile<S, 1, B>(row, A.stride, y, y_stride, whole, z + r * z_stride, z_stride, row + A.cols);
  }
  for (std::int64_t c = whole; c < A.cols; ++c)
    for (r = 0; r < A.rows; ++r)
      for (int j = 0; j < B; ++j) z[r * z_stride + j] += Element<S>::one(a + r * A.stride + c) * y[j * y_stride + c];
}

}  // namespace
}  // namespace fanion::kernels
