// Vectors of floats, as wide as the instruction set's registers: MBCONV_LANES is defined by the file that includes
// this.
//
// They are the compilers' own vector types, whose operators become single instructions. Only what has no operator is
// written with intrinsics. Everything is in an unnamed namespace: see table.h.
#pragma once

#include <stddef.h>
#include <stdint.h>

#if defined(__AVX2__) || defined(__AVX512F__)
#include <immintrin.h>
#endif

#define MBCONV_INLINE static inline __attribute__((always_inline))
// Loops over the registers of a tile have to disappear.
#if defined(__clang__)
#define MBCONV_UNROLL _Pragma("clang loop unroll(full)")
#else
#define MBCONV_UNROLL _Pragma("GCC unroll 64")
#endif

namespace mbconv::kernels {
namespace {

constexpr int kLanes = MBCONV_LANES;
// Of the processor. The sums of a tile have to fit.
#if MBCONV_LANES == 16 || defined(__aarch64__)
constexpr int kRegisters = 32;
#else
constexpr int kRegisters = 16;
#endif

typedef float Vec __attribute__((vector_size(4 * MBCONV_LANES), may_alias));
typedef float UnalignedVec __attribute__((vector_size(4 * MBCONV_LANES), may_alias, aligned(4)));
typedef int32_t IntVec __attribute__((vector_size(4 * MBCONV_LANES), may_alias));

MBCONV_INLINE Vec load(const float* from) { return *reinterpret_cast<const Vec*>(from); }
MBCONV_INLINE Vec loadUnaligned(const float* from) { return *reinterpret_cast<const UnalignedVec*>(from); }
MBCONV_INLINE void store(float* to, Vec value) { *reinterpret_cast<Vec*>(to) = value; }
MBCONV_INLINE Vec all(float value) { return value - Vec{}; }
MBCONV_INLINE Vec zero() { return Vec{}; }

// The larger and the smaller of two. Where either is NaN: b.
MBCONV_INLINE Vec larger(Vec a, Vec b) {
#if MBCONV_LANES == 16
  return _mm512_max_ps(a, b);
#elif MBCONV_LANES == 8
  return _mm256_max_ps(a, b);
#else
  return a > b ? a : b;
#endif
}
MBCONV_INLINE Vec smaller(Vec a, Vec b) {
#if MBCONV_LANES == 16
  return _mm512_min_ps(a, b);
#elif MBCONV_LANES == 8
  return _mm256_min_ps(a, b);
#else
  return a < b ? a : b;
#endif
}

// 1 / a with a relative error of about 1e-7, for a from 1 to 2^126.
MBCONV_INLINE Vec reciprocal(Vec a) {
#if MBCONV_LANES == 16
  // An estimate of 14 bits and one step of Newton's: half the time of a division.
  const Vec estimate = _mm512_rcp14_ps(a);
  return estimate * (2.0f - a * estimate);
#else
  return 1.0f / a;
#endif
}

// 2^x for x >= -126; infinity beyond 128; NaN for infinity.
MBCONV_INLINE Vec exp2(Vec x) {
#if MBCONV_LANES == 16
  const Vec whole = _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
#else
  // Adding 1.5 · 2^23 leaves no bits for fractions.
  const Vec shifted = x + 12582912.0f;
  const Vec whole = shifted - 12582912.0f;
#endif
  const Vec rest = x - whole;
  // A polynomial for 2^rest on [-0.5, 0.5] (Cephes, exp2f).
  Vec p = all(1.535336188319500e-4f);
  p = p * rest + 1.339887440266574e-3f;
  p = p * rest + 9.618437357674640e-3f;
  p = p * rest + 5.550332471162809e-2f;
  p = p * rest + 2.402264791363012e-1f;
  p = p * rest + 6.931472028550421e-1f;
  p = p * rest + 1.0f;
#if MBCONV_LANES == 16
  return _mm512_scalef_ps(p, whole);
#else
  // The power of two that has these bits for its exponent.
  const Vec bounded = smaller(all(12582912.0f + 128), shifted);
  const IntVec exponent = (reinterpret_cast<const IntVec&>(bounded) - 0x4b400000 + 127) << 23;
  return p * reinterpret_cast<const Vec&>(exponent);
#endif
}

// The sum of a few vectors, in pairs: less rounding than one after another.
template <int count>
MBCONV_INLINE Vec sumOf(const Vec (&values)[count]) {
  Vec sums[count];
  MBCONV_UNROLL for (int i = 0; i < count; ++i) sums[i] = values[i];
  MBCONV_UNROLL for (int width = 1; width < count; width *= 2) {
    MBCONV_UNROLL for (int i = 0; i + width < count; i += 2 * width) sums[i] += sums[i + width];
  }
  return sums[0];
}

// A sum of many vectors that rounds as if it were twice as exact (Kahan): means of large maps need it.
struct Running {
  Vec value = {};
  Vec lost = {};

  __attribute__((always_inline)) void add(Vec term) {
    const Vec corrected = term - lost;
    const Vec next = value + corrected;
    lost = (next - value) - corrected;
    value = next;
  }
};

MBCONV_INLINE float total(Vec a) {
  float sum = 0;
  for (int i = 0; i < kLanes; ++i) sum += a[i];
  return sum;
}

}  // namespace
}  // namespace mbconv::kernels
