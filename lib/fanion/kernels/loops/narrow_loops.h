#pragma once

#include "fanion/kernels/loops/bfloat16_rounding.h"
#include "fanion/kernels/loops/loop_elements.h"

/// Rounding of float32 to float16, bfloat16 or int8, and the error made. For loop_table.cpp alone, like
/// loop_elements.h.
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

/// The nearest whole number in −128 … 127, ties to even: adding 1.5·2^23 leaves no bits below 1.
FANION_INLINE float to_whole(float x) {
  constexpr float kNoFraction = 0x1.8p23F;
  const float inside = x < -128.0F ? -128.0F : x > 127.0F ? 127.0F : x;
  return (inside + kNoFraction) - kNoFraction;
}

/// How numbers are stored in format S: y = x to nearest, and that as float32; past the caches if `Stream`, which takes
/// y aligned to whole vectors.
template <Storage S>
struct Narrow;
template <>
struct Narrow<Storage::float16> {
  static FANION_INLINE void one(float x, std::uint16_t* h) { *h = to_half(x); }
  template <bool Stream>
  static FANION_INLINE Vector store(Vector x, std::uint16_t* h) {
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
};
template <>
struct Narrow<Storage::bfloat16> {
  static FANION_INLINE void one(float x, std::uint16_t* h) {
    std::uint32_t word;
    __builtin_memcpy(&word, &x, sizeof word);
    *h = static_cast<std::uint16_t>(nearest_bfloat16(word));
  }
  template <bool Stream>
  static FANION_INLINE Vector store(Vector x, std::uint16_t* h) {
    const Words rounded = nearest_bfloat16(reinterpret_cast<Words>(x));
#if defined(__AVX512F__)
    const __m256i narrow = _mm512_cvtepi32_epi16(reinterpret_cast<__m512i>(rounded));
    Stream ? _mm256_stream_si256(reinterpret_cast<__m256i*>(h), narrow)
           : _mm256_storeu_si256(reinterpret_cast<__m256i*>(h), narrow);
#else
    *reinterpret_cast<Halves*>(h) = __builtin_convertvector(rounded, Halves);
#endif
    return reinterpret_cast<Vector>(rounded << 16U);
  }
};
template <>
struct Narrow<Storage::int8> {
  static FANION_INLINE void one(float x, std::int8_t* q) { *q = static_cast<std::int8_t>(to_whole(x)); }
  template <bool Stream>
  static FANION_INLINE Vector store(Vector x, std::int8_t* q) {
#if defined(__AVX512F__)
    const __m512 least = _mm512_set1_ps(-128), most = _mm512_set1_ps(127);
    const __m512 inside = _mm512_min_ps(_mm512_max_ps(reinterpret_cast<__m512>(x), least), most);
    const __m512i whole = _mm512_cvtps_epi32(inside);
    const __m128i bytes = _mm512_cvtepi32_epi8(whole);
    Stream ? _mm_stream_si128(reinterpret_cast<__m128i*>(q), bytes)
           : _mm_storeu_si128(reinterpret_cast<__m128i*>(q), bytes);
    return reinterpret_cast<Vector>(_mm512_cvtepi32_ps(whole));
#else
    Vector whole;
    for (int i = 0; i < kLanes; ++i) whole[i] = to_whole(x[i]);
    *reinterpret_cast<Bytes*>(q) = __builtin_convertvector(whole, Bytes);
    return whole;
#endif
  }
};

template <Storage S, bool Stream>
NarrowSums narrow(const float* x, ElementOf<S>* y, std::int64_t count, float scale) {
  constexpr int kSums = 2;              // independent, so that additions need not wait for each other
  constexpr std::int64_t kAway = 1024;  // elements from one page to the next, which the processor does not prefetch
  NarrowSums total{0, 0, 0};
  std::int64_t i = 0;
  while (i + kSums * kLanes <= count) {
    Vector errors[kSums] = {}, squares[kSums] = {}, full[kSums] = {};
    for (int round = 0; round < kRounds && i + kSums * kLanes <= count; ++round)
      for (int j = 0; j < kSums; ++j, i += kLanes) {
        __builtin_prefetch(x + i + kAway);
        Vector wide = *reinterpret_cast<const Vector*>(x + i) * scale;
        FANION_KEEP(wide);  // not multiplied and rounded in one
        const Vector rounded = Narrow<S>::template store<Stream>(wide, y + i);
        errors[j] += (wide - rounded) * (wide - rounded);
        squares[j] += rounded * rounded;
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
    float wide = x[i] * scale;
    FANION_KEEP(wide);
    Narrow<S>::one(wide, y + i);
    const double full = wide, rounded = Element<S>::one(y + i), error = full - rounded;
    total.error += error * error;
    total.squares += rounded * rounded;
    total.full_squares += full * full;
  }
#if defined(__AVX512F__) || defined(__F16C__)
  if constexpr (Stream) _mm_sfence();
#endif
  return total;
}

template <Storage S>
NarrowSums narrow_to(const float* x, void* y, std::int64_t count, float scale, bool stream) {
  auto* to = static_cast<ElementOf<S>*>(y);
  return stream ? narrow<S, true>(x, to, count, scale) : narrow<S, false>(x, to, count, scale);
}

NarrowSums narrow_any(const float* x, void* y, Storage to, std::int64_t count, float scale, bool stream) {
  switch (to) {
    case Storage::int8: return narrow_to<Storage::int8>(x, y, count, scale, stream);
    case Storage::bfloat16: return narrow_to<Storage::bfloat16>(x, y, count, scale, stream);
    case Storage::float16: return narrow_to<Storage::float16>(x, y, count, scale, stream);
    case Storage::float32: break;  // is not narrower
  }
  __builtin_trap();
}

}  // namespace
}  // namespace fanion::kernels
