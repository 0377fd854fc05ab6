#pragma once

#include <cstdint>

/// For files that are compiled for one instruction set, like loop_elements.h: each has its own.
namespace fanion::kernels {
namespace {

/// The bits of the nearest bfloat16, ties to even, from those of a float32 that is not NaN: a word, or a vector of
/// them.
template <class Words32>
inline __attribute__((always_inline)) Words32 nearest_bfloat16(Words32 words) {
  return (words + 0x7fffU + (words >> 16U & 1U)) >> 16U;
}

}  // namespace
}  // namespace fanion::kernels
