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

/// h = x to nearest, and that as float32; past the caches if `Stream`, which takes h aligned to whole vectors.
template <bool Stream>
FANION_INLINE Vector store_halves(Vector x, std::uint16_t* h) {
#if defined(__AVX512F__)
  const __m256i half = _mm512_cvtps_ph(reinterpret_cast<__m512>(x), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  Stream ? _mm256_stream_si256(reinterpret_cast<__m256i*>(h), half)
         : _mm256_storeu_si256(reinterpret_cast<__m256i*>(h), half);
  return reinterpret_cast<Vector>(_mm512_cvtph_ps(half));
#elif defined(__F16C__)
  const __m128i half = _mm256_cvtps_ph(reinterpret_cast<__m256>(x), _MM_FROUND_TO_NEAREST_INT);
  Stream ? _mm_stream_si128(reinterpret_cast<__m128i*>(h), half)
         : _mm_storeu_si128(reinterpret_cast<__m128i*>(h), half);
  return reinterpret_cast<Vector>(_mm256_cvtph_ps(half));
#else
  for (int i = 0; i < kLanes; ++i) h[i] = to_half(x[i]);
  return Element<Storage::float16>::load(h);
#endif
}

template <bool Stream>
NarrowSums narrow(const float* x, std::uint16_t* h, std::int64_t count, float scale) {
  constexpr int kSums = 2;              // independent, so that additions need not wait for each other
  constexpr std::int64_t kAway = 1024;  // elements from one page to the next, which the processor does not prefetch
  NarrowSums total{0, 0, 0};
  std::int64_t i = 0;
  while (i + kSums * kLanes <= count) {
    Vector errors[kSums] = {}, squares[kSums] = {}, full[kSums] = {};
    for (int round = 0; round < kRounds && i + kSums * kLanes <= count; ++round)
      for (int j = 0; j < kSums; ++j, i += kLanes) {
        __builtin_prefetch(x + i + kAway);
        const Vector wide = *reinterpret_cast<const Vector*>(x + i) * scale, half = store_halves<Stream>(wide, h + i);
        errors[j] += (wide - half) * (wide - half);
        squares[j] += half * half;
        full[j] += wide * wide;
      }
    for (int j = 0; j < kSums; ++j)
      for (int lane = 0; lane < kLanes; ++lane) {
        total.error += errors[j][lane];
        total.squares += squares[j][lane];
        total.full_squares += full[j][lane];
      }
  }
  for (; i < count; ++i) {
    const double wide = x[i] * scale;
    h[i] = to_half(x[i] * scale);
    const double half = Element<Storage::float16>::one(h + i), error = wide - half;
    total.error += error * error;
    total.squares += half * half;
    total.full_squares += wide * wide;
  }
#if defined(__AVX512F__) || defined(__F16C__)
  if constexpr (Stream) _mm_sfence();
#endif
  return total;
}

NarrowSums narrow_any(const float* x, std::uint16_t* h, std::int64_t count, float scale, bool stream) {
  return stream ? narrow<true>(x, h, count, scale) : narrow<false>(x, h, count, scale);
}

}  // namespace
}  // namespace fanion::kernels
