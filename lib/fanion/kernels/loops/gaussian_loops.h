#pragma once

#include "fanion/kernels/loops/column_loops.h"

/// Standard Gaussian numbers by counter. For loop_table.cpp alone, like loop_elements.h.
///
/// Number i of a key is a function of both, whatever the vectors' width: 64 bits from five rounds of squaring (Widynski
/// 2020, "Squares"), and from their halves two numbers (Box & Muller 1958) with an error of a few 1e-7. The largest
/// possible is 5.9.
namespace fanion::kernels {
namespace {

using Longs = std::uint64_t __attribute__((vector_size(kLanes * 4)));
using Ints = std::int32_t __attribute__((vector_size(kLanes * 2)));
using Bits = std::uint32_t __attribute__((vector_size(kLanes * 2)));
using Floats = float __attribute__((vector_size(kLanes * 2)));

constexpr std::int64_t kPairs = 8;  ///< cosines, and then their sines, that are stored together

FANION_INLINE Longs squares64(const Longs& counter, std::uint64_t key) {
  Longs x = counter * key;
  const Longs y = x, z = y + key;
  x = x * x + y;
  x = (x >> 32U) | (x << 32U);
  x = x * x + z;
  x = (x >> 32U) | (x << 32U);
  x = x * x + y;
  x = (x >> 32U) | (x << 32U);
  x = x * x + z;
  const Longs last = x;
  x = (x >> 32U) | (x << 32U);
  return last ^ ((x * x + y) >> 32U);
}

/// √(−2 ln u) for u = (bits + ½)/2²⁴.
FANION_INLINE Floats radius(const Ints& bits) {
  const Floats u = (__builtin_convertvector(bits, Floats) + 0.5F) * 0x1p-24F;
  const Ints word = reinterpret_cast<Ints>(u);
  Floats m = reinterpret_cast<Floats>((word & 0x7fffff) | 0x3f800000);
  const Ints above = m > 1.41421356F;  // all bits, or none
  m = reinterpret_cast<Floats>(reinterpret_cast<Ints>(m) - (above & 0x800000));
  const Floats exponent = __builtin_convertvector((word >> 23) - 127 - above, Floats);
  const Floats s = (m - 1.0F) / (m + 1.0F), t = s * s;
  const Floats log =
      exponent * 0.693147181F + 2 * s * (1 + t * (1 / 3.0F + t * (0.2F + t * (1 / 7.0F + t * (1 / 9.0F)))));
  Floats square = -2 * log;
  square = reinterpret_cast<Floats>(reinterpret_cast<Ints>(square) & (square > 0.0F));
  for (std::int64_t lane = 0; lane < kPerVector; ++lane) square[lane] = __builtin_sqrtf(square[lane]);
  return square;
}

/// x[0:count] = numbers first, first + 1, … of `key`; `first` is a multiple of 2·kPairs.
void gaussians(float* x, std::int64_t count, std::uint64_t key, std::uint64_t first) {
  Longs lanes;
  for (std::int64_t lane = 0; lane < kPerVector; ++lane) lanes[lane] = static_cast<std::uint64_t>(lane);
  for (std::int64_t i = 0; i < count; i += 2 * kPairs) {
    float pairs[2 * kPairs];
    for (std::int64_t j = 0; j < kPairs; j += kPerVector) {
      const Longs random = squares64(lanes + ((first + i) / 2 + j), key);
      const Floats r = radius(__builtin_convertvector(random >> 40U, Ints));
      const Bits turn = __builtin_convertvector(random & 0xffffffffU, Bits);
      const Floats a = __builtin_convertvector(reinterpret_cast<Ints>(turn << 2U), Floats) * (0x1p-32F * 1.57079633F),
                   t = a * a;
      const Floats sine = a * (1 + t * (-1 / 6.0F + t * (1 / 120.0F - t * (1 / 5040.0F))));
      const Floats cosine = 1 + t * (-0.5F + t * (1 / 24.0F + t * (-1 / 720.0F + t * (1 / 40320.0F))));
      // A quarter turn is left out: the other three are the mirror image, and the opposite of either.
      const Ints mirrored = (turn & 0x40000000U) != 0U, sign = reinterpret_cast<Ints>(turn & 0x80000000U);
      const Ints both = (reinterpret_cast<Ints>(sine) ^ reinterpret_cast<Ints>(cosine)) & mirrored;
      const auto signed_r = reinterpret_cast<Floats>(reinterpret_cast<Ints>(r) ^ sign);
      const Floats here = signed_r * reinterpret_cast<Floats>(reinterpret_cast<Ints>(cosine) ^ both);
      const Floats there = signed_r * reinterpret_cast<Floats>(reinterpret_cast<Ints>(sine) ^ both);
      for (std::int64_t lane = 0; lane < kPerVector; ++lane) {
        pairs[j + lane] = here[lane];
        pairs[kPairs + j + lane] = there[lane];
      }
    }
    const std::int64_t part = count - i < 2 * kPairs ? count - i : 2 * kPairs;
    __builtin_memcpy(x + i, pairs, static_cast<std::size_t>(part) * sizeof(float));
  }
}

}  // namespace
}  // namespace fanion::kernels
