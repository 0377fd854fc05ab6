#pragma once

#include "fanion/kernels/loop_elements.h"

/// What a training step does to every element, each in one sweep. For skinny_loops.cpp alone, like loop_elements.h.
namespace fanion::kernels {
namespace {

/// f(i, size) for whole vectors, where `size` is a Vector, and then for each element that is left, where it is a float.
template <class F>
FANION_INLINE void for_each_element(std::int64_t count, F&& f) {
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) f(i, Vector{});
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
  for_each_element(count, [&](std::int64_t i, auto size) {
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

void blend(float* y, const float* x, std::int64_t count, float keep, float take) {
  for_each_element(count, [&](std::int64_t i, auto size) {
    using T = decltype(size);
    T& each = at_index<T>(y, i);
    each = keep * each + take * at_index<T>(x, i);
  });
}

}  // namespace
}  // namespace fanion::kernels
