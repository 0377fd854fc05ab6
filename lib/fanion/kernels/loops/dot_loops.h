#pragma once

#include "fanion/kernels/loops/lane_sums.h"
#include "fanion/kernels/loops/loop_elements.h"

/// Dot products of a few rows with a few vectors. For loop_table.cpp alone, like loop_elements.h.
///
/// A tile of R rows × B columns of accumulators goes along the rows in pieces of columns, whose part of the vectors
/// stays in the first-level cache; between pieces the accumulators wait in `partial`, R·B vectors a tile. Only then are
/// their lanes summed up, a tile at a time (lane by lane that took as long as a row of 500 columns).
namespace fanion::kernels {
namespace {

constexpr int kPieceFloats = 4096;  ///< of the vectors in a piece: 16 KiB
constexpr int kGramPiece = 512;     ///< columns of a piece of rows that the cache has already
constexpr int kTilesAhead = 2;      ///< by which those are prefetched into the first-level cache

/// Where rows come from, and with that what is prefetched while they are read: nothing; the next piece, into the
/// second-level cache; the next tiles, into the first, and a share of the next block (kSharedPrefetch); or all of what
/// the next block of rows is formed from.
enum class Source { last_cache, memory, second_cache, formed };

/// Rows per tile, so that rows × columns accumulators leave a register for every operand.
constexpr int tile_rows(int columns) {
  const int most = kLanes == 16 ? 24 : 12;
  return most / columns > 8 ? 8 : most / columns;
}

constexpr std::int64_t piece_columns(int columns, Source source) {
  return source == Source::second_cache ? kGramPiece : kPieceFloats / columns / kLanes * kLanes;
}

/// Where dot products go: the same numbers by rows and by columns.
struct DotTargets {
  float* by_rows;
  std::int64_t row_stride;
  float* by_columns;
  std::int64_t column_stride;
};

/// partial[r·B + j] += a[r, 0:length] · v[j, 0:length] lane by lane, length a multiple of kLanes; prefetches `later`
/// or, with its share of it from the second-level cache, what lies `next_block` elements on.
template <Storage S, int R, int B, Source From>
FANION_INLINE void dot_tile(const ElementOf<S>* a, std::int64_t stride, const float* v, std::int64_t v_stride,
                            std::int64_t length, Vector* partial, const ElementOf<S>* later, std::int64_t next_block) {
  Vector acc[R][B];
  for (int r = 0; r < R; ++r)
    for (int j = 0; j < B; ++j) acc[r][j] = partial[r * B + j];
  for (std::int64_t c = 0; c < length; c += kLanes) {
    Vector x[R];
    for (int r = 0; r < R; ++r) {
      x[r] = Element<S>::load(a + r * stride + c);
      if ((From == Source::memory || From == Source::second_cache) && starts_line<S>(c))
        __builtin_prefetch(later + r * stride + c, 0, From == Source::memory ? 2 : 3);
      if (From == Source::second_cache && kSharedPrefetch<S> && c % (2 * kLanes) == 0)
        __builtin_prefetch(a + r * stride + c + next_block, 0, 2);
      if (From == Source::formed && starts_line<S>(c)) __builtin_prefetch(a + r * stride + c + next_block, 0, 2);
    }
    for (int j = 0; j < B; ++j) {
      Vector y = *reinterpret_cast<const Vector*>(v + j * v_stride + c);
      FANION_KEEP(y);
      for (int r = 0; r < R; ++r) acc[r][j] += x[r] * y;
    }
  }
  for (int r = 0; r < R; ++r)
    for (int j = 0; j < B; ++j) partial[r * B + j] = acc[r][j];
}

/// One piece of all rows; the next one is at `later`.
template <Storage S, int B, Source From>
void dot_rows(const ElementOf<S>* a, std::int64_t stride, int rows, const float* v, std::int64_t v_stride,
              std::int64_t length, Vector* partial, const ElementOf<S>* later, std::int64_t next_block) {
  constexpr int R = tile_rows(B);
  std::int64_t r = 0;
  for (; r + R <= rows; r += R) {
    const std::int64_t ahead = r + std::int64_t{kTilesAhead} * R;
    const auto* next = From != Source::second_cache ? later + r * stride
                       : ahead + R <= rows          ? a + ahead * stride
                                                    : later + ahead % rows * stride;
    dot_tile<S, R, B, From>(a + r * stride, stride, v, v_stride, length, partial + r * B, next, next_block);
  }
  for (; r < rows; ++r)
    dot_tile<S, 1, B, From>(a + r * stride, stride, v, v_stride, length, partial + r * B, later + r * stride,
                            next_block);
}

/// The sums of the lanes of a tile. `a` and `v` are the last kLanes columns, `tail` of which no piece has had.
template <Storage S, int R, int B>
FANION_INLINE void finish_tile(const ElementOf<S>* a, std::int64_t stride, const float* v, std::int64_t v_stride,
                               int tail, const Vector* partial, int row, const DotTargets& to) {
  Vector acc[R * B];
  for (int i = 0; i < R * B; ++i) acc[i] = partial[row * B + i];
  if (tail > 0) {
    const Words mask = last_lanes(tail);
    for (int r = 0; r < R; ++r) {
      const Vector x = masked(Element<S>::load(a + (row + r) * stride), mask);
      for (int j = 0; j < B; ++j) acc[r * B + j] += x * *reinterpret_cast<const Vector*>(v + j * v_stride);
    }
  }
  constexpr std::int64_t tile = std::int64_t{R} * B;
  float totals[(tile + kLanes - 1) / kLanes * kLanes];
  sums_of_lanes<tile>(acc, totals);
  for (int r = 0; r < R; ++r)
    for (int j = 0; j < B; ++j)
      to.by_rows[(row + r) * to.row_stride + j] = to.by_columns[j * to.column_stride + row + r] = totals[r * B + j];
}

template <Storage S, int B>
void finish_rows(const ElementOf<S>* a, std::int64_t stride, int rows, const float* v, std::int64_t v_stride, int tail,
                 const Vector* partial, const DotTargets& to) {
  constexpr int R = tile_rows(B);
  int r = 0;
  for (; r + R <= rows; r += R) finish_tile<S, R, B>(a, stride, v, v_stride, tail, partial, r, to);
  for (; r < rows; ++r) finish_tile<S, 1, B>(a, stride, v, v_stride, tail, partial, r, to);
}

/// Rows that are shorter than a vector.
template <Storage S, int B>
void short_rows(const ElementOf<S>* a, std::int64_t stride, int rows, std::int64_t length, const float* v,
                std::int64_t v_stride, const DotTargets& to) {
  for (int r = 0; r < rows; ++r)
    for (int j = 0; j < B; ++j) {
      float total = 0;
      for (std::int64_t c = 0; c < length; ++c) total += Element<S>::one(a + r * stride + c) * v[j * v_stride + c];
      to.by_rows[r * to.row_stride + j] = to.by_columns[j * to.column_stride + r] = total;
    }
}

/// a[0:rows, 0:length] · v[0:B, 0:length]; `partial` has rows·B vectors. The next block is `next_block` elements on.
template <Storage S, int B, Source From>
void dots(const ElementOf<S>* a, std::int64_t stride, int rows, std::int64_t length, const float* v,
          std::int64_t v_stride, Vector* partial, const DotTargets& to, std::int64_t next_block) {
  constexpr std::int64_t piece = piece_columns(B, From);
  const std::int64_t whole = length / kLanes * kLanes, last = length - kLanes;
  if (whole == 0) return short_rows<S, B>(a, stride, rows, length, v, v_stride, to);
  for (int i = 0; i < rows * B; ++i) partial[i] = Vector{};
  for (std::int64_t c = 0; c < whole; c += piece) {
    const std::int64_t columns = whole - c < piece ? whole - c : piece;
    const auto* later = c + piece < whole ? a + c + piece : a + next_block;
    dot_rows<S, B, From>(a + c, stride, rows, v + c, v_stride, columns, partial, later, next_block);
  }
  finish_rows<S, B>(a + last, stride, rows, v + last, v_stride, static_cast<int>(length - whole), partial, to);
}

}  // namespace
}  // namespace fanion::kernels
