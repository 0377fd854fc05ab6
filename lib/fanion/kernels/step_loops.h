#pragma once

#include "fanion/kernels/loop_elements.h"

/// What a training step does to every element, each in one sweep. For skinny_loops.cpp alone, like loop_elements.h.
namespace fanion::kernels {
namespace {

/// What memory keeps waiting takes 5 to 10 % longer by cache lines than by halves of them (Zen 4).
constexpr std::int64_t kHalf = kLanes > 8 ? 8 : kLanes;
using HalfLine = float __attribute__((vector_size(kHalf * 4), aligned(4), may_alias));

/// f(i, size) for whole vectors, where `size` is a V, and then for each element that is left, where it is a float.
template <class V, class F>
FANION_INLINE void for_each_element(std::int64_t count, F&& f) {
  constexpr auto kSize = static_cast<std::int64_t>(sizeof(V) / sizeof(float));
  std::int64_t i = 0;
  for (; i + kSize <= count; i += kSize) f(i, V{});
  for (; i < count; ++i) f(i, 0.0F);
}
template <class T>
FANION_INLINE T& at_index(float* x, std::int64_t i) {
  return *reinterpret_cast<T*>(x + i);
}
template <class T>
FANION_INLINE T at_index(const float* x, std::int64_t i) {
  return *reinterpret_cast<const T*>(x + i);
}

/// x + t·(y − x), from the nearer end, as torch's lerp.
template <class T>
FANION_INLINE T between(T x, T y, float t) {
  return t < 0.5F ? x + t * (y - x) : y + (t - 1) * (y - x);
}

template <bool Average, bool Ahead>
void momentum(const float* g, float* b, float* ahead, std::int64_t count, float keep, float take) {
  for_each_element<HalfLine>(count, [&](std::int64_t i, auto size) {
    using T = decltype(size);
    const T x = at_index<T>(g, i);
    T& y = at_index<T>(b, i);
    const T next = Average ? between<T>(y, x, take) : keep * y + x;
    y = next;
    if constexpr (Ahead) at_index<T>(ahead, i) = Average ? between<T>(x, next, keep) : x + keep * next;
  });
}

void momentum_any(const float* g, float* b, float* ahead, std::int64_t count, float keep, float take, bool average) {
  constexpr decltype(&momentum<true, true>) loops[2][2] = {{momentum<false, false>, momentum<false, true>},
                                                           {momentum<true, false>, momentum<true, true>}};
  loops[average ? 1 : 0][ahead != nullptr ? 1 : 0](g, b, ahead, count, keep, take);
}

/// −1, 0 or 1.
FANION_INLINE Vector sign_of(Vector x) { return __builtin_convertvector((x < 0.0F) - (x > 0.0F), Vector); }
FANION_INLINE float sign_of(float x) { return static_cast<float>((x > 0.0F) - (x < 0.0F)); }

/// Products L V, row-major, L rows × k and V k × n.
struct LowRank {
  const float *l, *v;
  std::int64_t k, n;

  /// sum[i] += (L V)[first + i, c] for R rows, for which V is read once.
  template <int R, class T>
  FANION_INLINE void add(std::int64_t first, std::int64_t c, T (&sum)[R]) const {
    for (std::int64_t j = 0; j < k; ++j) {
      const T along = at_index<T>(v + j * n, c);
      for (int i = 0; i < R; ++i) sum[i] += l[(first + i) * k + j] * along;
    }
  }
};

/// f(r, RowsAtOnce<R>) for all rows, R of them from r on at a time.
template <int R>
struct RowsAtOnce {
  static constexpr int value = R;
};
template <class F>
FANION_INLINE void for_each_rows(std::int64_t rows, F&& f) {
  constexpr int kRows = 8;
  std::int64_t r = 0;
  for (; r + kRows <= rows; r += kRows) f(r, RowsAtOnce<kRows>{});
  for (; r < rows; ++r) f(r, RowsAtOnce<1>{});
}

void low_rank_step(float* w, std::int64_t rows, std::int64_t n, const float* l, const float* v, std::int64_t k,
                   float keep) {
  const LowRank product{l, v, k, n};
  for_each_rows(rows, [&](std::int64_t r, auto at_once) {
    constexpr int R = decltype(at_once)::value;
    for_each_element<Vector>(n, [&](std::int64_t c, auto size) {
      using T = decltype(size);
      T sum[R];
      for (int i = 0; i < R; ++i) sum[i] = keep * at_index<T>(static_cast<const float*>(w) + (r + i) * n, c);
      product.add(r, c, sum);
      for (int i = 0; i < R; ++i) at_index<T>(w + (r + i) * n, c) = sum[i];
    });
  });
}

void sign_step(const float* m, std::int64_t rows, std::int64_t n, const float* l, const float* v, std::int64_t k,
               float* w, float keep, float take) {
  const LowRank product{l, v, k, n};
  for_each_rows(rows, [&](std::int64_t r, auto at_once) {
    constexpr int R = decltype(at_once)::value;
    for_each_element<Vector>(n, [&](std::int64_t c, auto size) {
      using T = decltype(size);
      T rest[R];
      for (int i = 0; i < R; ++i) rest[i] = at_index<T>(m + (r + i) * n, c);
      product.add(r, c, rest);
      for (int i = 0; i < R; ++i) {
        T& each = at_index<T>(w + (r + i) * n, c);
        each = keep * each + take * sign_of(rest[i]);
      }
    });
  });
}

void blend(float* y, const float* x, std::int64_t count, float keep, float take) {
  for_each_element<HalfLine>(count, [&](std::int64_t i, auto size) {
    using T = decltype(size);
    T& each = at_index<T>(y, i);
    each = keep * each + take * at_index<T>(x, i);
  });
}

}  // namespace
}  // namespace fanion::kernels
