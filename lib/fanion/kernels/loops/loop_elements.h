#pragma once

#include "fanion/kernels/loops/loop_table.h"

#if defined(__AVX512F__) || defined(__F16C__)
#include <immintrin.h>
#endif

/// Vectors of FANION_LANES floats, and how elements of each storage become them. For loop_table.cpp alone: everything
/// here is compiled for one instruction set, and must stay out of sight of files compiled for another.
namespace fanion::kernels {
namespace {

constexpr std::int64_t kLanes = FANION_LANES;
constexpr int kRounds = 32;  ///< additions to a float32 sum of squares before it moves to double

using Vector = float __attribute__((vector_size(kLanes * 4), aligned(4), may_alias));
using Bytes = std::int8_t __attribute__((vector_size(kLanes), aligned(1), may_alias));
using Halves = std::uint16_t __attribute__((vector_size(kLanes * 2), aligned(2), may_alias));
using Words = std::uint32_t __attribute__((vector_size(kLanes * 4)));

#define FANION_INLINE inline __attribute__((always_inline))
/// Keeps a loaded vector in its register, where the compiler would load it again for each of its uses.
#if defined(__AVX512F__)
#define FANION_KEEP(x) __asm__("" : "+v"(x))
#elif defined(__x86_64__)
#define FANION_KEEP(x) __asm__("" : "+x"(x))
#else
#define FANION_KEEP(x)
#endif

/// All bits in the last `count` lanes.
FANION_INLINE Words last_lanes(std::int64_t count) {
  Words mask = {};
  for (std::int64_t i = kLanes - count; i < kLanes; ++i) mask[i] = ~0U;
  return mask;
}
FANION_INLINE Vector masked(const Vector& x, const Words& mask) {
  return reinterpret_cast<Vector>(reinterpret_cast<Words>(x) & mask);
}

template <Storage S>
struct Element;
template <>
struct Element<Storage::float32> {
  using type = float;
  static FANION_INLINE Vector load(const float* p) { return *reinterpret_cast<const Vector*>(p); }
  static FANION_INLINE float one(const float* p) { return *p; }
};
template <>
struct Element<Storage::bfloat16> {
  using type = std::uint16_t;
  static FANION_INLINE Vector load(const std::uint16_t* p) {
    return reinterpret_cast<Vector>(__builtin_convertvector(*reinterpret_cast<const Halves*>(p), Words) << 16U);
  }
  static FANION_INLINE float one(const std::uint16_t* p) {
    const std::uint32_t word = static_cast<std::uint32_t>(*p) << 16U;
    float value;
    __builtin_memcpy(&value, &word, sizeof value);
    return value;
  }
};

template <>
struct Element<Storage::float16> {
  using type = std::uint16_t;
  static FANION_INLINE Vector load(const std::uint16_t* p) {
#if defined(__AVX512F__)
    return reinterpret_cast<Vector>(_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))));
#elif defined(__F16C__)
    return reinterpret_cast<Vector>(_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
#else
    const Words h = __builtin_convertvector(*reinterpret_cast<const Halves*>(p), Words);
    const Words special = reinterpret_cast<Words>((h & 0x7c00U) == 0x7c00U) & 0x7f800000U;
    return reinterpret_cast<Vector>(((h & 0x8000U) << 16U) | ((h & 0x7fffU) << 13U) | special) * 0x1p112F;
#endif
  }
  /// Exact: the exponent's bias is 15 there and 127 here; Inf and NaN have the largest exponent of either.
  static FANION_INLINE float one(const std::uint16_t* p) {
    const std::uint32_t special = (*p & 0x7c00U) == 0x7c00U ? 0x7f800000U : 0U;
    const std::uint32_t word = ((*p & 0x8000U) << 16U) | ((*p & 0x7fffU) << 13U) | special;
    float value;
    __builtin_memcpy(&value, &word, sizeof value);
    return value * 0x1p112F;
  }
};

template <>
struct Element<Storage::int8> {
  using type = std::int8_t;
  static FANION_INLINE Vector load(const std::int8_t* p) {
#if defined(__AVX512F__)
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return reinterpret_cast<Vector>(_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes)));
#elif defined(__AVX2__)
    const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
    return reinterpret_cast<Vector>(_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes)));
#else
    return __builtin_convertvector(*reinterpret_cast<const Bytes*>(p), Vector);
#endif
  }
  static FANION_INLINE float one(const std::int8_t* p) { return *p; }
};

template <Storage S>
using ElementOf = Element<S>::type;

/// Whether a prefetch of what lies at column c, a multiple of kLanes, is the first of its cache line.
template <Storage S>
FANION_INLINE constexpr bool starts_line(std::int64_t c) {
  constexpr std::int64_t line = 64 / static_cast<std::int64_t>(sizeof(ElementOf<S>));
  return line <= kLanes || c % line == 0;
}

/// Whether both products of the fused kernel prefetch the next block, each every second line of it, so that memory is
/// read all the time: of float32 in whole lines 5000 × 5000 took 5 to 11 % less with 1 to 4 columns and 3 % more with 8
/// (eight pairs of runs), of narrower elements as long or longer.
template <Storage S>
constexpr bool kSharedPrefetch = sizeof(ElementOf<S>) * kLanes == 64;

}  // namespace
}  // namespace fanion::kernels
