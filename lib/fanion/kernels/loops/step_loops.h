#pragma once

#include "fanion/kernels/loops/loop_elements.h"

/// What a training step does to every element, each in one sweep. For loop_table.cpp alone, like loop_elements.h.
namespace fanion::kernels {
namespace {

/// What memory keeps waiting takes 5 to 10 % longer by cache lines than by halves of them (Zen 4).
constexpr std::int64_t kHalf = kLanes > 8 ? 8 : kLanes;
using HalfLine = float __attribute__((vector_size(kHalf * 4), aligned(4), may_alias));

/// How many elements are taken at once, and what holds them. Loads and stores go by these, not by the types themselves,
/// for a template's argument loses what a type says of its alignment.
struct Lines {
  using type = Vector;
};
struct HalfLines {
  using type = HalfLine;
};
struct OneByOne {
  using type = float;
};
template <class Size>
FANION_INLINE Size::type load(const float* x, std::int64_t i) {
  return *reinterpret_cast<const Size::type*>(x + i);
}
template <class Size>
FANION_INLINE void store(float* x, std::int64_t i, const typename Size::type& value) {
  *reinterpret_cast<Size::type*>(x + i) = value;
}

/// f(i, Size) for as many elements as are whole, and then f(i, OneByOne) for each that is left.
template <class Size, class F>
FANION_INLINE void for_each_element(std::int64_t count, F&& f) {
  constexpr auto kSize = static_cast<std::int64_t>(sizeof(typename Size::type) / sizeof(float));
  std::int64_t i = 0;
  for (; i + kSize <= count; i += kSize) f(i, Size{});
  for (; i < count; ++i) f(i, OneByOne{});
}

constexpr float kLargest = __FLT_MAX__;

/// x + t·(y − x), from the nearer end, as torch's lerp; where y − x leaves the range of float32, (1 − t)·x + t·y.
template <class T>
FANION_INLINE T between(T x, T y, float t) {
  const T apart = y - x, near = t < 0.5F ? x + t * apart : y + (t - 1) * apart;
  return ((apart > kLargest) | (apart < -kLargest)) ? (1 - t) * x + t * y : near;
}

/// x + t·y, no further out than the range of float32 reaches.
template <class T>
FANION_INLINE T within_range(T x, T y, float t) {
  const T sum = x + t * y, most = T{} + kLargest;
  return sum > most ? most : (sum < -most ? -most : sum);
}

/// b's update from element i on with `Update`, and M there.
template <bool Average, bool Ahead, bool Update>
FANION_INLINE HalfLine formed(const float* g, float* b, std::int64_t i, const MomentumTerms& terms) {
  HalfLine x = load<HalfLines>(g, i);
  if constexpr (!Average) x *= terms.weight;
  HalfLine y = load<HalfLines>(b, i);
  if constexpr (Update) {
    y = Average ? between(y, x, terms.take) : within_range(x, y, terms.decay);
    store<HalfLines>(b, i, y);
  }
  if constexpr (!Ahead) return y;
  return Average ? between(x, y, terms.keep) : within_range(x, y, terms.keep);
}

/// f(g, b, m, v, i) for whole vectors, and for what is left on copies of it with zeros behind: by the arithmetic of
/// vectors too, so that no element's bits depend on where it stands. m and v may be null.
template <bool Update, class F>
FANION_INLINE void for_half_lines(const float* g, float* b, float* m, const float* v, std::int64_t count, F&& f) {
  std::int64_t i = 0;
  for (; i + kHalf <= count; i += kHalf) f(g, b, m, v, i);
  if (i == count) return;
  const auto bytes = static_cast<std::size_t>(count - i) * sizeof(float);
  float last_g[kHalf] = {}, last_b[kHalf] = {}, last_m[kHalf], last_v[kHalf] = {};
  __builtin_memcpy(last_g, g + i, bytes);
  __builtin_memcpy(last_b, b + i, bytes);
  if (v != nullptr) __builtin_memcpy(last_v, v + i, bytes);
  f(last_g, last_b, last_m, last_v, std::int64_t{0});
  if (Update) __builtin_memcpy(b + i, last_b, bytes);
  if (m != nullptr) __builtin_memcpy(m + i, last_m, bytes);
}

/// f<Average, Ahead, Update>.
template <class F>
FANION_INLINE auto with_terms(const MomentumTerms& t, F&& f) {
  const auto of = [&]<bool Average>() {
    if (t.ahead)
      return t.update ? f.template operator()<Average, true, true>() : f.template operator()<Average, true, false>();
    return t.update ? f.template operator()<Average, false, true>() : f.template operator()<Average, false, false>();
  };
  return t.average ? of.template operator()<true>() : of.template operator()<false>();
}

/// m = M, where that is not null, after b's update.
void form(const float* g, float* b, float* m, std::int64_t count, const MomentumTerms& terms) {
  with_terms(terms, [&]<bool Average, bool Ahead, bool Update>() {
    if (m == nullptr)
      for_half_lines<Update>(g, b, m, nullptr, count,
                             [&](const float* from, float* to, float*, const float*, std::int64_t i) {
                               formed<Average, false, Update>(from, to, i, terms);
                             });
    else
      for_half_lines<Update>(g, b, m, nullptr, count,
                             [&](const float* from, float* to, float* into, const float*, std::int64_t i) {
                               store<HalfLines>(into, i, formed<Average, Ahead, Update>(from, to, i, terms));
                             });
  });
}

void blend(float* y, const float* x, std::int64_t count, float keep, float take) {
  for_each_element<HalfLines>(count, [&](std::int64_t i, auto size) {
    using Size = decltype(size);
    store<Size>(y, i, keep * load<Size>(y, i) + take * load<Size>(x, i));
  });
}

/// Products L V, row-major, L rows × k and V k × n.
struct LowRank {
  const float *l, *v;
  std::int64_t k, n;
};

/// finish(i, Size, from(i, Size) + (L V)[i]) for every element i of rows `first` to first + R, for which V is read
/// once.
template <int R, class From, class Finish>
FANION_INLINE void add_to_rows(const LowRank& p, std::int64_t first, From&& from, Finish&& finish) {
  for_each_element<Lines>(p.n, [&](std::int64_t c, auto size) {
    using Size = decltype(size);
    typename Size::type sum[R];
    for (int i = 0; i < R; ++i) sum[i] = from((first + i) * p.n + c, size);
    for (std::int64_t j = 0; j < p.k; ++j) {
      const auto along = load<Size>(p.v + j * p.n, c);
      for (int i = 0; i < R; ++i) sum[i] += p.l[(first + i) * p.k + j] * along;
    }
    for (int i = 0; i < R; ++i) finish((first + i) * p.n + c, size, sum[i]);
  });
}
template <class From, class Finish>
FANION_INLINE void add_to_all_rows(const LowRank& product, std::int64_t rows, From&& from, Finish&& finish) {
  constexpr int kRows = 8;
  std::int64_t r = 0;
  for (; r + kRows <= rows; r += kRows) add_to_rows<kRows>(product, r, from, finish);
  for (; r < rows; ++r) add_to_rows<1>(product, r, from, finish);
}

void low_rank_step(float* w, std::int64_t rows, std::int64_t n, const float* l, const float* v, std::int64_t k,
                   float keep) {
  add_to_all_rows(
      {l, v, k, n}, rows, [&](std::int64_t i, auto size) { return keep * load<decltype(size)>(w, i); },
      [&](std::int64_t i, auto size, const auto& sum) { store<decltype(size)>(w, i, sum); });
}

/// −1, 0 or 1.
FANION_INLINE Vector sign_of(Vector x) { return __builtin_convertvector((x < 0.0F) - (x > 0.0F), Vector); }
FANION_INLINE float sign_of(float x) { return static_cast<float>((x > 0.0F) - (x < 0.0F)); }

void sign_step(const float* m, std::int64_t rows, std::int64_t n, const float* l, const float* v, std::int64_t k,
               float* w, float keep, float take) {
  add_to_all_rows(
      {l, v, k, n}, rows, [&](std::int64_t i, auto size) { return load<decltype(size)>(m, i); },
      [&](std::int64_t i, auto size, const auto& rest) {
        using Size = decltype(size);
        store<Size>(w, i, keep * load<Size>(w, i) + take * sign_of(rest));
      });
}

}  // namespace
}  // namespace fanion::kernels
