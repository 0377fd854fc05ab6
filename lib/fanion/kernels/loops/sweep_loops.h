#pragma once

#include "fanion/kernels/loops/dot_loops.h"
#include "fanion/kernels/loops/panel_loops.h"
#include "fanion/kernels/loops/row_sums.h"
#include "fanion/kernels/loops/square_sums.h"

/// Products of a large matrix with a few vectors. For loop_table.cpp alone, like loop_elements.h.
///
/// A is streamed in blocks of a few rows: A V by dot products along them (dot_loops.h), Aᵀ U by adding multiples of
/// them to Z (row_sums.h). `gram` does the second while the row block that the first has read is still in the
/// second-level cache, and prefetches the next one in both. Sums run in float32, in an order fixed by the sizes alone;
/// smaller elements are widened as they are loaded, and what fills no vector is masked.
///
/// Measured with 1 to 8 columns on two cores with AVX-512. Zen 4 (110 Gflop/s each), 5000 × 5000 float32 in memory,
/// where torch's sum takes 2.5 to 3 ms: A V 0.80 to 1.1 of that speed, Aᵀ U 0.83 to 1.2, `gram` 0.98, 0.9, 0.85 with 1
/// to 3 columns and then at the arithmetic's speed (4.0 ms from the second-level cache with 8, 4.7 from memory). Zen 5
/// (247 Gflop/s each; before `gram` prefetched in both): 1.9 to 2.8 ms where torch's sum takes 1.3 to 2.1, of a float16
/// copy 0.9 to 2.2, of an int8 copy 0.5 to 2.0, which is 75 % of the arithmetic's limit for 8; 1000 × 1000 in the
/// third-level cache 0.05 to 0.11 ms, 60 % of that limit.
///
/// `gram_panel` is for the other order of the products, Aᵀ V before A (Aᵀ V), where the rows are long: a panel of
/// columns is read for the first and again, from the cache, for the second, which prefetches the next panel. Its dot
/// products are short, so the lanes are summed up for a tile at a time (lane_sums.h). Measured on the same two cores
/// against the two products, with 1 to 8 columns: 500 × 20000 float32 0.8 to 1.2 ms against 1.2 to 1.6, 1000 ×
/// 20000 2.1 to 3.0 against 3.4 to 4.4, 5000 × 5000 4.1 to 5.8 against 5.3 to 6.2.
namespace fanion::kernels {
namespace {

constexpr std::int64_t kMostColumns = kLanes == 16 ? 8 : 4;  ///< columns a tile takes: what the register file holds

/// Calls `f` with std::integral_constant-like B for the group of `columns` ≤ kMostColumns vectors.
template <int B>
struct Columns {
  static constexpr int value = B;
};
template <int B = kMostColumns, class F>
FANION_INLINE void with_columns(int columns, F&& f) {
  if constexpr (B == 0) {
    return;
  } else {
    if (columns == B) return f(Columns<B>{});
    with_columns<B - 1>(columns, f);
  }
}

/// Equal groups of at most kMostColumns columns: the width of group g.
struct Groups {
  explicit Groups(std::int64_t all) : columns(all), count((all + kMostColumns - 1) / kMostColumns) {}
  std::int64_t first(std::int64_t g) const { return g * columns / count; }
  int width(std::int64_t g) const { return static_cast<int>(first(g + 1) - first(g)); }
  std::int64_t columns, count;
};

/// y[r][j] = (A V)[r, j] for one block of rows, y row-major with V.columns floats a row; Y gets the same, from `row`
/// on. The next block is `next_block` elements on.
template <Storage S, Source From>
void forward_block(const ElementOf<S>* a, const Rows& A, int rows, const Block& V, float* y, const Block& Y,
                   std::int64_t row, float* partial, std::int64_t next_block) {
  const Groups groups(V.columns);
  for (std::int64_t g = 0; g < groups.count; ++g) {
    const std::int64_t j = groups.first(g);
    const DotTargets to{y + j, V.columns, Y.data + j * Y.stride + row, Y.stride};
    with_columns(groups.width(g), [&](auto width) {
      dots<S, decltype(width)::value, From>(a, A.stride, rows, A.cols, V.data + j * V.stride, V.stride,
                                            reinterpret_cast<Vector*>(partial), to, next_block);
    });
  }
}

/// Z += Aᵀ y for one block of rows, prefetching from `far` elements on. Adds Σa² to `squares`, if any.
template <Storage S, Ahead Prefetch>
void adjoint_block(const ElementOf<S>* a, const Rows& A, int rows, const float* y, const Block& Z, std::int64_t far,
                   LaneSums* squares) {
  const Groups groups(Z.columns);
  for (std::int64_t g = 0; g < groups.count; ++g) {
    const std::int64_t j = groups.first(g);
    with_columns(groups.width(g), [&](auto width) {
      constexpr int B = decltype(width)::value;
      const auto add = [&](auto wanted) {
        add_rows<S, B, Prefetch, decltype(wanted)::value == 1>(a, A.stride, rows, A.cols, y + j, Z.columns,
                                                               Z.data + j * Z.stride, Z.stride, far,
                                                               squares == nullptr ? nullptr : squares->lanes);
      };
      squares != nullptr&& g == 0 ? add(Columns<1>{}) : add(Columns<0>{});
    });
  }
}

template <Storage S>
void forward(const Rows& A, const Block& V, const Block& Y, const Streams& streams, float* scratch) {
  const auto* a = static_cast<const ElementOf<S>*>(A.data);
  float* y = scratch + streams.rows * kMostColumns * kLanes;
  const auto block = streams.ahead == 0 ? forward_block<S, Source::last_cache> : forward_block<S, Source::memory>;
  for (std::int64_t r = 0; r < A.rows; r += streams.rows) {
    const int rows = static_cast<int>(A.rows - r < streams.rows ? A.rows - r : streams.rows);
    block(a + r * A.stride, A, rows, V, y, Y, r, scratch, rows * A.stride);
  }
}

template <Storage S>
void adjoint(const Rows& A, const Block& U, const Block& Z, const Streams& streams, float* scratch, LaneSums* squares) {
  const auto* a = static_cast<const ElementOf<S>*>(A.data);
  for (std::int64_t r = 0; r < A.rows; r += streams.rows) {
    const int rows = static_cast<int>(A.rows - r < streams.rows ? A.rows - r : streams.rows);
    for (int i = 0; i < rows; ++i)
      for (std::int64_t j = 0; j < U.columns; ++j) scratch[i * U.columns + j] = U.data[j * U.stride + r + i];
    adjoint_block<S, Ahead::stream>(a + r * A.stride, A, rows, scratch, Z, streams.ahead, squares);
  }
}

template <Storage S>
void gram(const Rows& A, const Block& V, const Block& Y, const Block& Z, int block_rows, float* scratch,
          LaneSums* squares) {
  const auto* a = static_cast<const ElementOf<S>*>(A.data);
  float* y = scratch + block_rows * kMostColumns * kLanes;
  for (std::int64_t r = 0; r < A.rows; r += block_rows) {
    const int rows = static_cast<int>(A.rows - r < block_rows ? A.rows - r : block_rows);
    forward_block<S, Source::second_cache>(a + r * A.stride, A, rows, V, y, Y, r, scratch, rows * A.stride);
    adjoint_block<S, kSharedPrefetch<S> ? Ahead::odd_lines : Ahead::next_block>(a + r * A.stride, A, rows, y, Z,
                                                                                rows * A.stride, squares);
  }
}

template <Storage S>
void gram_panel(const Rows& A, const float* V, const Block& Y, float* Z, int block_rows, LaneSums* squares) {
  const auto* a = static_cast<const ElementOf<S>*>(A.data);
  for (std::int64_t j = 0; j < Y.columns; ++j)
    for (std::int64_t c = 0; c < A.cols; ++c) Y.data[j * Y.stride + c] = 0;
  for (std::int64_t r = 0; r < A.rows; r += block_rows) {
    const int rows = static_cast<int>(A.rows - r < block_rows ? A.rows - r : block_rows);
    adjoint_block<S, Ahead::next_block>(a + r * A.stride, A, rows, V + r * Y.columns, Y, rows * A.stride, squares);
  }
  const Groups groups(Y.columns);
  for (std::int64_t g = 0; g < groups.count; ++g)
    with_columns(groups.width(g), [&](auto width) {
      const std::int64_t first = groups.first(g);
      dot_panel<S, decltype(width)::value>(A, Y.data + first * Y.stride, Y.stride, Z + first, Y.columns);
    });
}

}  // namespace
}  // namespace fanion::kernels
