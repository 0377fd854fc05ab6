// Compiled for AVX512-BF16, whose one instruction adds two products of bfloat16 pairs to each float32 lane: twice the
// arithmetic of a multiplication and addition of floats, from half the loads.
//
// As in loop_table.cpp, A is taken in blocks of a few rows: A V by dot products along them, whose pairs lie side by
// side in memory; then Aᵀ Y, whose pairs are two rows interleaved, while the second-level cache has them. Both prefetch
// what comes next, each every second line of the next block. Sums run in float32, in an order fixed by the sizes alone.
//
// Measured on two cores of Zen 4 with 5000 × 5000 and 1, 2, 3, 4, 5, 6, 8 columns: 1.4, 1.6, 1.7, 1.8, 1.9, 2.0, 2.6
// ms, where float16 with float vectors takes 1.9, 1.8, 2.1, 2.4, 2.9, 3.4, 4.4 and torch's sum of the float32
// matrix 3.6; from the second-level cache 1.0 with 4 and 2.1 with 8, 80 % of the arithmetic's limit.

#include "fanion/kernels/loops/pair_loops.h"

#include <immintrin.h>

#include "fanion/kernels/loops/bfloat16_rounding.h"

namespace fanion::kernels {
namespace {

using std::int64_t;
using Element = std::uint16_t;

constexpr int64_t kPiece = 512;  ///< columns after which dot products go on with the next rows: V's stay in the cache
constexpr int64_t kNear = 128;   ///< elements by which rows are prefetched from the second-level cache
constexpr int kMostRows = 24;

#define FANION_UNROLL _Pragma("GCC unroll 16")

/// 32 numbers, of which those past `mask` are zero.
inline __m512i load(const Element* p, __mmask32 mask) { return _mm512_maskz_loadu_epi16(mask, p); }
inline __m512i load(const Element* p) { return _mm512_loadu_si512(p); }
inline __m512bh pairs(__m512i x) { return reinterpret_cast<__m512bh>(x); }

/// To the nearest bfloat16; finite.
inline Element rounded(float x) {
  std::uint32_t word;
  __builtin_memcpy(&word, &x, sizeof word);
  return static_cast<Element>(nearest_bfloat16(word));
}

/// What remains of a row after whole vectors.
inline __mmask32 tail_of(int64_t length) { return (1U << static_cast<unsigned>(length % kPairColumns)) - 1U; }

/// sums[r·B + j] += a[r, 0:length] · v[j, 0:length] lane by lane, for one piece of R rows; prefetches what it is told,
/// and the block `far` on.
template <int R, int B>
inline void dot_tile(const Element* a, int64_t stride, const NarrowBlock& V, int64_t first, int64_t length,
                     __m512* sums, const Element* next, int64_t far) {
  __m512 acc[R][B];
  FANION_UNROLL for (int r = 0; r < R; ++r) FANION_UNROLL for (int j = 0; j < B; ++j) acc[r][j] = sums[r * B + j];
  const auto add = [&](int64_t c, const __m512i(&x)[R]) __attribute__((always_inline)) {
    FANION_UNROLL for (int j = 0; j < B; ++j) {
      const auto y = pairs(load(V.data + j * V.stride + first + c));
      FANION_UNROLL for (int r = 0; r < R; ++r) acc[r][j] = _mm512_dpbf16_ps(acc[r][j], pairs(x[r]), y);
    }
  };
  int64_t c = 0;
  for (; c + kPairColumns <= length; c += kPairColumns) {
    __m512i x[R];
    FANION_UNROLL for (int r = 0; r < R; ++r) {
      x[r] = load(a + r * stride + c);
      __builtin_prefetch(next + r * stride + c);
      if (c % (2 * kPairColumns) == 0) __builtin_prefetch(a + r * stride + c + far, 0, 2);
    }
    add(c, x);
  }
  if (c < length) {
    __m512i x[R];
    FANION_UNROLL for (int r = 0; r < R; ++r) x[r] = load(a + r * stride + c, tail_of(length));
    add(c, x);
  }
  FANION_UNROLL for (int r = 0; r < R; ++r) FANION_UNROLL for (int j = 0; j < B; ++j) sums[r * B + j] = acc[r][j];
}

/// Y = A V for one block of rows; y[(r / 2)·B + j] gets the pair of row r, rounded.
template <int B>
void forward(const Element* a, const Rows& A, int rows, const NarrowBlock& V, const Block& Y, int64_t row, __m512* sums,
             Element* y) {
  constexpr int R = kMostRows / B > 8 ? 8 : kMostRows / B;
  for (int i = 0; i < rows * B; ++i) sums[i] = _mm512_setzero_ps();
  const int64_t far = rows * A.stride;
  for (int64_t c = 0; c < A.cols; c += kPiece) {
    const int64_t length = A.cols - c < kPiece ? A.cols - c : kPiece;
    const Element* piece = a + c;
    const Element* later = c + kPiece < A.cols ? piece + kPiece : a + far;
    int r = 0;
    for (; r + R <= rows; r += R) {
      const Element* next = r + 3 * R <= rows ? piece + (r + 2 * R) * A.stride : later + (r + 2 * R) % rows * A.stride;
      dot_tile<R, B>(piece + r * A.stride, A.stride, V, c, length, sums + int64_t{r} * B, next, far);
    }
    for (; r < rows; ++r)
      dot_tile<1, B>(piece + r * A.stride, A.stride, V, c, length, sums + int64_t{r} * B, later + r * A.stride, far);
  }
  for (int r = 0; r < rows; ++r)
    for (int j = 0; j < B; ++j) {
      const float total = _mm512_reduce_add_ps(sums[r * B + j]);
      Y.data[j * Y.stride + row + r] = total;
      y[(r / 2 * B + j) * 2 + r % 2] = rounded(total);
    }
  if (rows % 2 == 1)
    for (int j = 0; j < B; ++j) y[(rows / 2 * B + j) * 2 + 1] = 0;
}

/// z[j, 0:N·kPairColumns] += Σ of the rows times y, of the last vector only what `mask` has.
template <int B, int N, bool Masked>
inline void add_strip(const Element* a, int64_t stride, int rows, const Element* y, const Block& Z, int64_t first,
                      int64_t far, __mmask32 mask) {
  __m512 acc[N][2][B];
  const auto at = [&](int i, int64_t half, int j) {
    return Z.data + j * Z.stride + first + i * kPairColumns + half * 16;
  };
  FANION_UNROLL for (int j = 0; j < B; ++j) FANION_UNROLL for (int i = 0; i < N; ++i) {
    acc[i][0][j] = _mm512_loadu_ps(at(i, 0, j));
    acc[i][1][j] = _mm512_loadu_ps(at(i, 1, j));
  }
  for (int r = 0; r < rows; r += 2) {
    const Element* even = a + r * stride + first;
    const Element* odd = r + 1 < rows ? even + stride : even;  // times zero
    __m512i low[N], high[N];
    FANION_UNROLL for (int i = 0; i < N; ++i) {
      const int64_t c = i * kPairColumns;
      const __m512i x0 = Masked ? load(even + c, mask) : load(even + c);
      const __m512i x1 = Masked ? load(odd + c, mask) : load(odd + c);
      __builtin_prefetch(even + c + kNear);
      __builtin_prefetch(odd + c + kNear);
      if (i % 2 == 1 || N == 1) {
        __builtin_prefetch(even + c + far, 0, 2);
        __builtin_prefetch(odd + c + far, 0, 2);
      }
      low[i] = _mm512_unpacklo_epi16(x0, x1);
      high[i] = _mm512_unpackhi_epi16(x0, x1);
    }
    FANION_UNROLL for (int j = 0; j < B; ++j) {
      int pair;
      __builtin_memcpy(&pair, y + (int64_t{r / 2} * B + j) * 2, sizeof pair);
      const auto factor = pairs(_mm512_set1_epi32(pair));
      FANION_UNROLL for (int i = 0; i < N; ++i) {
        acc[i][0][j] = _mm512_dpbf16_ps(acc[i][0][j], pairs(low[i]), factor);
        acc[i][1][j] = _mm512_dpbf16_ps(acc[i][1][j], pairs(high[i]), factor);
      }
    }
  }
  FANION_UNROLL for (int j = 0; j < B; ++j) FANION_UNROLL for (int i = 0; i < N; ++i) {
    _mm512_storeu_ps(at(i, 0, j), acc[i][0][j]);
    _mm512_storeu_ps(at(i, 1, j), acc[i][1][j]);
  }
}

template <int B>
void adjoint(const Element* a, const Rows& A, int rows, const Element* y, const Block& Z) {
  constexpr int N = B >= 7 ? 1 : B >= 3 ? 2 : 4;  // vectors whose accumulators leave registers for the operands
  const int64_t far = rows * A.stride;
  int64_t c = 0;
  for (; c + N * kPairColumns <= A.cols; c += N * kPairColumns)
    add_strip<B, N, false>(a, A.stride, rows, y, Z, c, far, 0);
  for (; c + kPairColumns <= A.cols; c += kPairColumns) add_strip<B, 1, false>(a, A.stride, rows, y, Z, c, far, 0);
  if (c < A.cols) add_strip<B, 1, true>(a, A.stride, rows, y, Z, c, far, tail_of(A.cols));
}

template <int B>
void gram(Rows A, NarrowBlock V, Block Y, Block Z, int block_rows, float* scratch) {
  if constexpr (B > 1)
    if (V.columns < B) return gram<B - 1>(A, V, Y, Z, block_rows, scratch);
  const auto* all = static_cast<const Element*>(A.data);
  auto* sums = reinterpret_cast<__m512*>(scratch);
  auto* y = reinterpret_cast<Element*>(scratch + int64_t{block_rows} * B * 16);
  for (int64_t r = 0; r < A.rows; r += block_rows) {
    const int rows = static_cast<int>(A.rows - r < block_rows ? A.rows - r : block_rows);
    forward<B>(all + r * A.stride, A, rows, V, Y, r, sums, y);
    adjoint<B>(all + r * A.stride, A, rows, y, Z);
  }
}

}  // namespace

PairGram* const kPairGram = gram<8>;

}  // namespace fanion::kernels
