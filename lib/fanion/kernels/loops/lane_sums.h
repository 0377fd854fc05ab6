#pragma once

#include "fanion/kernels/loops/loop_elements.h"

/// Sums of the lanes of several vectors at once. For loop_table.cpp alone, like loop_elements.h.
namespace fanion::kernels {
namespace {

template <int... I>
struct Lanes {};
template <int N, int... I>
struct FirstLanes : FirstLanes<N - 1, N - 1, I...> {};
template <int... I>
struct FirstLanes<0, I...> {
  using type = Lanes<I...>;
};

/// Halves of every 2·H lanes added: H lanes each, those of x and then those of y.
template <int H, int... I>
FANION_INLINE Vector add_halves(const Vector& x, const Vector& y, Lanes<I...>) {
#if defined(__clang__)
  return __builtin_shufflevector(x, y, (I / H * 2 * H + I % H)...) +
         __builtin_shufflevector(x, y, (I / H * 2 * H + I % H + H)...);
#else
  return __builtin_shuffle(x, y, Words{(I / H * 2 * H + I % H)...}) +
         __builtin_shuffle(x, y, Words{(I / H * 2 * H + I % H + H)...});
#endif
}

/// sums[i] = the sum of the lanes of x[i] for `Count` vectors, in pairs: additions of whole vectors, half as many in
/// each of log₂ kLanes rounds. `sums` has room for whole vectors; x is used up.
template <std::int64_t Count, int H = kLanes / 2>
FANION_INLINE void sums_of_lanes(Vector* x, float* sums) {
  constexpr std::int64_t half = (Count + 1) / 2;
  for (std::int64_t i = 0; i < half; ++i)
    x[i] = add_halves<H>(x[2 * i], x[2 * i + 1 < Count ? 2 * i + 1 : 2 * i], typename FirstLanes<kLanes>::type{});
  if constexpr (H > 1) {
    sums_of_lanes<half, H / 2>(x, sums);
  } else {
    for (std::int64_t i = 0; i < half; ++i) *reinterpret_cast<Vector*>(sums + i * kLanes) = x[i];
  }
}

}  // namespace
}  // namespace fanion::kernels
