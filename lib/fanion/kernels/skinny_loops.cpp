// Compiled once per instruction set: FANION_ISA names the table, FANION_LANES is its vector width in floats.
//
// A is streamed in blocks of a few rows. A V is done as dot products along the rows (a tile of R rows × B columns of
// accumulators, V in pieces that stay in the first-level cache); Aᵀ U adds multiples of the rows to Z (two to four
// vectors × B columns of accumulators over the rows of a block). `gram` does the second while the row block that the
// first has read is still in the second-level cache, and prefetches the next one meanwhile. Sums run in float32, in an
// order fixed by the sizes alone; 16-bit elements are widened as they are loaded. Measured on two cores with AVX-512
// (5000 × 5000 float32, read bandwidth 50 GB/s): products with 1 to 8 columns read A at 37 to 49 GB/s, `gram` with 8
// columns takes 1.2 times as long as one of them. Of a float16 copy, `gram` with 1 to 4 columns takes 1.0 to 1.4 ms
// where float32 takes 2.0 to 3.0; with 8 it is bound by arithmetic, 2.5 against 2.9.
//
// `gram_panel` is for the other order of the products, Aᵀ V before A (Aᵀ V), where the rows are long: a panel of
// columns is read for the first and again, from the cache, for the second, which prefetches the next panel. Its dot
// products are short, so the lanes are summed up for a tile at a time (lane_sums.h). Measured on the same two cores
// against the two products, with 1 to 8 columns: 500 × 20000 float32 0.8 to 1.2 ms against 1.2 to 1.6, 1000 × 20000 2.1
// to 3.0 against 3.4 to 4.4, 5000 × 5000 4.1 to 5.8 against 5.3 to 6.2.

#include "fanion/kernels/skinny_loops.h"

#include "fanion/kernels/column_loops.h"
#include "fanion/kernels/half_loop.h"
#include "fanion/kernels/lane_sums.h"
#include "fanion/kernels/loop_elements.h"

namespace fanion::kernels {
namespace {

constexpr std::int64_t kMostColumns = kLanes == 16 ? 8 : 4;  ///< columns a tile takes: what the register file holds
constexpr std::int64_t kPiece = 512;                         ///< columns of A per piece: 8 × 512 floats of V are 16 KiB
constexpr int kTilesAhead = 2;                               ///< how far dot products prefetch A
constexpr std::int64_t kAhead = 64;                          ///< columns by which sums of rows prefetch A

FANION_INLINE float sum(const float* lanes) {
  float total = 0;
  for (int i = 0; i < kLanes; ++i) total += lanes[i];
  return total;
}

/// Rows per tile, so that rows × columns accumulators leave a register for every operand.
constexpr int tile_rows(int columns) {
  const int most = kLanes == 16 ? 24 : 12;
  return most / columns > 8 ? 8 : most / columns;
}

/// partial[r][j] (vectors of kLanes) += A[r, c0:c1] · V[j, c0:c1], c1 − c0 a multiple of kLanes.
template <Storage S, int R, int B>
FANION_INLINE void dot_tile(const typename Element<S>::type* a, std::int64_t stride, const float* v,
                            std::int64_t v_stride, std::int64_t length, float* partial, std::int64_t row_stride,
                            const typename Element<S>::type* later) {
  Vector acc[R][B];
  for (int r = 0; r < R; ++r)
    for (int j = 0; j < B; ++j) acc[r][j] = *reinterpret_cast<Vector*>(partial + r * row_stride + j * kLanes);
  for (std::int64_t c = 0; c < length; c += kLanes) {
    Vector x[R];
    for (int r = 0; r < R; ++r) {
      x[r] = Element<S>::load(a + r * stride + c);
      __builtin_prefetch(later + r * stride + c);
    }
    for (int j = 0; j < B; ++j) {
      Vector y = *reinterpret_cast<const Vector*>(v + j * v_stride + c);
      FANION_KEEP(y);
      for (int r = 0; r < R; ++r) acc[r][j] += x[r] * y;
    }
  }
  for (int r = 0; r < R; ++r)
    for (int j = 0; j < B; ++j) *reinterpret_cast<Vector*>(partial + r * row_stride + j * kLanes) = acc[r][j];
}

template <Storage S, int B>
void dot_rows(const typename Element<S>::type* a, std::int64_t stride, int rows, const float* v, std::int64_t v_stride,
              std::int64_t length, float* partial, std::int64_t row_stride) {
  constexpr int R = tile_rows(B);
  int r = 0;
  for (; r + R <= rows; r += R) {
    const int ahead = r + kTilesAhead * R;
    const auto* later = ahead + R <= rows ? a + ahead * stride : a + (ahead % rows) * stride + kPiece;
    dot_tile<S, R, B>(a + r * stride, stride, v, v_stride, length, partial + r * row_stride, row_stride, later);
  }
  for (; r < rows; ++r)
    dot_tile<S, 1, B>(a + r * stride, stride, v, v_stride, length, partial + r * row_stride, row_stride,
                      a + r * stride + kPiece);
}

/// Z[j, 0:length] += Σ_r a[r, 0:length] y[r][j] for `rows` rows; y has row_stride floats from row to row.
template <Storage S, int B, int N, bool Prefetch>
FANION_INLINE void add_strip(const typename Element<S>::type* a, std::int64_t stride, int rows, const float* y,
                             std::int64_t row_stride, float* z, std::int64_t z_stride, std::int64_t ahead) {
  Vector acc[B][N];
  for (int j = 0; j < B; ++j)
    for (int i = 0; i < N; ++i) acc[j][i] = *reinterpret_cast<Vector*>(z + j * z_stride + i * kLanes);
  constexpr int kPerLine = 64 / (kLanes * static_cast<int>(sizeof *a));  // vectors in a cache line
  for (int r = 0; r < rows; ++r) {
    Vector x[N];
    for (int i = 0; i < N; ++i) {
      x[i] = Element<S>::load(a + r * stride + i * kLanes);
      if (kPerLine > 1 && i % kPerLine != 0) continue;
      __builtin_prefetch(a + r * stride + i * kLanes + kAhead);
      if constexpr (Prefetch) __builtin_prefetch(a + r * stride + i * kLanes + ahead, 0, 2);
    }
    for (int j = 0; j < B; ++j) {
      const float factor = y[r * row_stride + j];
      for (int i = 0; i < N; ++i) acc[j][i] += x[i] * factor;
    }
  }
  for (int j = 0; j < B; ++j)
    for (int i = 0; i < N; ++i) *reinterpret_cast<Vector*>(z + j * z_stride + i * kLanes) = acc[j][i];
}

/// Vectors of Z per strip, so that with the columns' accumulators they leave registers for the operands.
constexpr int strip_vectors(int columns) {
  constexpr int most = kLanes == 16 ? 16 : 8;
  return columns >= most / 2 ? 2 : most / columns > 4 ? 4 : most / columns;
}

template <Storage S, int B, bool Prefetch>
void add_rows(const typename Element<S>::type* a, std::int64_t stride, int rows, std::int64_t length, const float* y,
              std::int64_t row_stride, float* z, std::int64_t z_stride, std::int64_t ahead) {
  constexpr int N = strip_vectors(B);
  std::int64_t c = 0;
  for (; c + N * kLanes <= length; c += N * kLanes)
    add_strip<S, B, N, Prefetch>(a + c, stride, rows, y, row_stride, z + c, z_stride, ahead);
  for (; c + kLanes <= length; c += kLanes)
    add_strip<S, B, 1, Prefetch>(a + c, stride, rows, y, row_stride, z + c, z_stride, ahead);
  for (; c < length; ++c)
    for (int j = 0; j < B; ++j) {
      float total = z[j * z_stride + c];
      for (int r = 0; r < rows; ++r) total += Element<S>::one(a + r * stride + c) * y[r * row_stride + j];
      z[j * z_stride + c] = total;
    }
}

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
/// on.
template <Storage S>
void forward_block(const typename Element<S>::type* a, const Rows& A, int rows, const Block& V, float* y,
                   const Block& Y, std::int64_t row, float* partial) {
  const Groups groups(V.columns);
  const std::int64_t whole = A.cols / kLanes * kLanes;
  for (std::int64_t g = 0; g < groups.count; ++g) {
    const float* v = V.data + groups.first(g) * V.stride;
    with_columns(groups.width(g), [&](auto width) {
      constexpr int B = decltype(width)::value;
      constexpr std::int64_t row_stride = B * kLanes;
      for (int i = 0; i < rows * row_stride; ++i) partial[i] = 0;
      for (std::int64_t c = 0; c < whole; c += kPiece) {
        const std::int64_t length = whole - c < kPiece ? whole - c : kPiece;
        dot_rows<S, B>(a + c, A.stride, rows, v + c, V.stride, length, partial, row_stride);
      }
      for (int r = 0; r < rows; ++r)
        for (int j = 0; j < B; ++j) {
          float total = sum(partial + r * row_stride + j * kLanes);
          for (std::int64_t c = whole; c < A.cols; ++c)
            total += Element<S>::one(a + r * A.stride + c) * v[j * V.stride + c];
          y[r * V.columns + groups.first(g) + j] = total;
          Y.data[(groups.first(g) + j) * Y.stride + row + r] = total;
        }
    });
  }
}

template <Storage S, bool Prefetch>
void adjoint_block(const typename Element<S>::type* a, const Rows& A, int rows, const float* y, const Block& Z) {
  const Groups groups(Z.columns);
  for (std::int64_t g = 0; g < groups.count; ++g)
    with_columns(groups.width(g), [&](auto width) {
      constexpr int B = decltype(width)::value;
      if (Prefetch && g == 0)
        add_rows<S, B, true>(a, A.stride, rows, A.cols, y, Z.columns, Z.data, Z.stride, rows * A.stride);
      else
        add_rows<S, B, false>(a, A.stride, rows, A.cols, y + groups.first(g), Z.columns,
                              Z.data + groups.first(g) * Z.stride, Z.stride, 0);
    });
}

/// z[r][j] += a[r, 0:length] · y[j, 0:length], length a multiple of kLanes; z has z_stride floats from row to row.
/// Unlike `dot_tile` it is done with its rows at once, and prefetches none of them.
template <Storage S, int R, int B>
FANION_INLINE void short_dot_tile(const typename Element<S>::type* a, std::int64_t stride, const float* y,
                                  std::int64_t y_stride, std::int64_t length, float* z, std::int64_t z_stride,
                                  const typename Element<S>::type* later) {
  constexpr std::int64_t tile = std::int64_t{R} * B;
  Vector acc[tile] = {};
  constexpr std::int64_t line = 64 / static_cast<std::int64_t>(sizeof *a);
  for (std::int64_t c = 0; c < length; c += kLanes) {
    Vector x[R];
    for (int r = 0; r < R; ++r) {
      x[r] = Element<S>::load(a + r * stride + c);
      if (line <= kLanes || c % line == 0) __builtin_prefetch(later + r * stride + c, 0, 2);
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
  const auto* a = static_cast<const Element<S>::type*>(A.data);
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

template <Storage S>
void forward(const Rows& A, const Block& V, const Block& Y, int block_rows, float* scratch) {
  const auto* a = static_cast<const Element<S>::type*>(A.data);
  float* y = scratch + block_rows * kMostColumns * kLanes;
  for (std::int64_t r = 0; r < A.rows; r += block_rows) {
    const int rows = static_cast<int>(A.rows - r < block_rows ? A.rows - r : block_rows);
    forward_block<S>(a + r * A.stride, A, rows, V, y, Y, r, scratch);
  }
}

template <Storage S>
void adjoint(const Rows& A, const Block& U, const Block& Z, int block_rows, float* scratch) {
  const auto* a = static_cast<const Element<S>::type*>(A.data);
  for (std::int64_t r = 0; r < A.rows; r += block_rows) {
    const int rows = static_cast<int>(A.rows - r < block_rows ? A.rows - r : block_rows);
    for (int i = 0; i < rows; ++i)
      for (std::int64_t j = 0; j < U.columns; ++j) scratch[i * U.columns + j] = U.data[j * U.stride + r + i];
    adjoint_block<S, false>(a + r * A.stride, A, rows, scratch, Z);
  }
}

template <Storage S>
void gram(const Rows& A, const Block& V, const Block& Y, const Block& Z, int block_rows, float* scratch) {
  const auto* a = static_cast<const Element<S>::type*>(A.data);
  float* y = scratch + block_rows * kMostColumns * kLanes;
  for (std::int64_t r = 0; r < A.rows; r += block_rows) {
    const int rows = static_cast<int>(A.rows - r < block_rows ? A.rows - r : block_rows);
    forward_block<S>(a + r * A.stride, A, rows, V, y, Y, r, scratch);
    adjoint_block<S, true>(a + r * A.stride, A, rows, y, Z);
  }
}

template <Storage S>
void gram_panel(const Rows& A, const float* V, const Block& Y, float* Z, int block_rows) {
  const auto* a = static_cast<const Element<S>::type*>(A.data);
  for (std::int64_t j = 0; j < Y.columns; ++j)
    for (std::int64_t c = 0; c < A.cols; ++c) Y.data[j * Y.stride + c] = 0;
  for (std::int64_t r = 0; r < A.rows; r += block_rows) {
    const int rows = static_cast<int>(A.rows - r < block_rows ? A.rows - r : block_rows);
    adjoint_block<S, true>(a + r * A.stride, A, rows, V + r * Y.columns, Y);
  }
  const Groups groups(Y.columns);
  for (std::int64_t g = 0; g < groups.count; ++g)
    with_columns(groups.width(g), [&](auto width) {
      const std::int64_t first = groups.first(g);
      dot_panel<S, decltype(width)::value>(A, Y.data + first * Y.stride, Y.stride, Z + first, Y.columns);
    });
}

/// Calls `f` with the storage as a type.
template <Storage S>
struct Stored {
  static constexpr Storage value = S;
};
template <class F>
FANION_INLINE void with_storage(Storage storage, F&& f) {
  switch (storage) {
    case Storage::float32: return f(Stored<Storage::float32>{});
    case Storage::bfloat16: return f(Stored<Storage::bfloat16>{});
    case Storage::float16: return f(Stored<Storage::float16>{});
  }
}

void forward_any(Rows A, Block V, Block Y, int block_rows, float* scratch) {
  with_storage(A.storage, [&](auto s) { forward<decltype(s)::value>(A, V, Y, block_rows, scratch); });
}
void adjoint_any(Rows A, Block U, Block Z, int block_rows, float* scratch) {
  with_storage(A.storage, [&](auto s) { adjoint<decltype(s)::value>(A, U, Z, block_rows, scratch); });
}
void gram_any(Rows A, Block V, Block Y, Block Z, int block_rows, float* scratch) {
  with_storage(A.storage, [&](auto s) { gram<decltype(s)::value>(A, V, Y, Z, block_rows, scratch); });
}
void gram_panel_any(Rows A, const float* V, Block Y, float* Z, int block_rows) {
  with_storage(A.storage, [&](auto s) { gram_panel<decltype(s)::value>(A, V, Y, Z, block_rows); });
}

template <Storage S>
double squares(const typename Element<S>::type* x, std::int64_t count) {
  constexpr int kSums = 4;  // independent, so that additions need not wait for each other
  double total = 0;
  std::int64_t i = 0;
  while (i + kSums * kLanes <= count) {
    Vector sums[kSums] = {};
    for (int round = 0; round < kRounds && i + kSums * kLanes <= count; ++round, i += kSums * kLanes)
      for (int j = 0; j < kSums; ++j) {
        const Vector each = Element<S>::load(x + i + j * kLanes);
        sums[j] += each * each;
      }
    double part = 0;
    for (const Vector& each : sums)
      for (int lane = 0; lane < kLanes; ++lane) part += each[lane];
    total += part;
  }
  for (; i < count; ++i) {
    const double each = Element<S>::one(x + i);
    total += each * each;
  }
  return total;
}

double squares_any(const void* x, std::int64_t count, Storage storage) {
  double total = 0;
  with_storage(storage, [&](auto s) {
    constexpr auto S = decltype(s)::value;
    total = squares<S>(static_cast<const Element<S>::type*>(x), count);
  });
  return total;
}

}  // namespace

extern const SkinnyLoops FANION_ISA = {FANION_ISA_NAME, forward_any, adjoint_any, gram_any, gram_panel_any,
                                       narrow_any,      squares_any, cross,       solve};

}  // namespace fanion::kernels
