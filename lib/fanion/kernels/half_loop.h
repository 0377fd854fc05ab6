#pragma once

#include "fanion/kernels/loop_elements.h"

/// Rounding of float32 to float16, and the error made. For skinny_loops.cpp alone, like loop_elements.h.
namespace fanion::kernels {
namespace {

/// To the nearest float16, ties to even; |x| < 65520.
FANION_INLINE std::uint16_t to_half(float x) {
  std::uint32_t word;
  __builtin_memcpy(&word, &x, sizeof word);
  const std::uint32_t sign = word >> 16U & 0x8000U;
  word &= 0x7fffffffU;
  if (word < 0x38800000U) {  // below 2^-14: the last bit of 0.5 + |x| is that of float16's subnormal numbers
    float magnitude;
    __builtin_memcpy(&magnitude, &word, sizeof word);
    magnitude += 0.5F;
    __builtin_memcpy(&word, &magnitude, sizeof word);
    return static_cast<std::uint16_t>(sign | (word - 0x3f000000U));
  }
  // The exponent's bias moves from 127 to 15, and 13 bits are rounded away.
  return static_cast<std::uint16_t>(sign | (word - 0x38000000U + 0xfffU + (word >> 13U & 1U)) >> 13U);
}

FANION_INLINE void store_halves(Vector x, std::uint16_t* h) {
#if defined(__AVX512F__)
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(h),
                      _mm512_cvtps_ph(reinterpret_cast<__m512>(x), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
#elif defined(__F16C__)
  _mm_storeu_si128(reinterpret_cast<__m128i*>(h),
                   _mm256_cvtps_ph(reinterpret_cast<__m256>(x), _MM_FROUND_TO_NEAREST_INT));
#else
  for (int i = 0; i < kLanes; ++i) h[i] = to_half(x[i]);
#endif
}

NarrowSums narrow(const float* x, std::uint16_t* h, std::int64_t count, float scale) {
  NarrowSums total{0, 0};
  std::int64_t i = 0;
  while (i + kLanes <= count) {
    Vector errors{}, squares{};
    for (int round = 0; round < kRounds && i + kLanes <= count; ++round, i += kLanes) {
      const Vector wide = *reinterpret_cast<const Vector*>(x + i) * scale;
      store_halves(wide, h + i);
      const Vector half = Element<Storage::float16>::load(h + i);
      errors += (wide - half) * (wide - half);
      squares += half * half;
    }
    for (int lane = 0; lane < kLanes; ++lane) {
      total.error += errors[lane];
      total.squares += squares[lane];
    }
  }
  for (; i < count; ++i) {
    h[i] = to_half(x[i] * scale);
    const double half = Element<Storage::float16>::one(h + i), error = x[i] * scale - half;
    total.error += error * error;
    total.squares += half * half;
  }
  return total;
}

}  // namespace
}  // namespace fanion::kernels
