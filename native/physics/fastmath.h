#pragma once
// Single-precision functions that compilers turn into vector code when called in plain loops (coefficients: Cephes, S. Moshier).

#include <cstdint>

#if defined(__GNUC__) && !defined(__clang__)
// nothing here reads floating-point exception flags, and selections must become vector blends
#pragma GCC optimize("no-trapping-math")
#endif

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12
#define PETRIG_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), flatten))
#else
#define PETRIG_CLONES
#endif
#if defined(__GNUC__)
#define PETRIG_INLINE inline __attribute__((always_inline))
#else
#define PETRIG_INLINE inline
#endif

namespace petrig::physics {

// not std::bit_cast: a library function keeps its own optimisation flags and would be called, not inlined
PETRIG_INLINE int32_t bitsOf(float x) {
  int32_t bits;
  __builtin_memcpy(&bits, &x, sizeof bits);
  return bits;
}
PETRIG_INLINE float floatOf(int32_t bits) {
  float x;
  __builtin_memcpy(&x, &bits, sizeof x);
  return x;
}

/// The deepest argument of `expNegative`: below it the result is no normal number.
inline constexpr float kDeepest = -87.0f;

/// e^x for kDeepest <= x <= 0, relative error below 2e-7. Clamp in a loop of its own: a branch here would stop vectorisation.
PETRIG_INLINE float expNegative(float x) {
  const int32_t n = static_cast<int32_t>(x * 1.44269504f - 0.5f);
  const float z = static_cast<float>(n);
  const float r = x - z * 0.693359375f + z * 2.12194440e-4f;
  float y = 1.9875691500e-4f;
  y = y * r + 1.3981999507e-3f;
  y = y * r + 8.3334519073e-3f;
  y = y * r + 4.1665795894e-2f;
  y = y * r + 1.6666665459e-1f;
  y = y * r + 5.0000001201e-1f;
  y = y * r * r + r + 1.0f;
  return y * floatOf((n + 127) << 23);
}

/// ln x for normal x > 0, absolute error below 2e-7 near 1.
PETRIG_INLINE float logPositive(float x) {
  const int32_t bits = bitsOf(x);
  const int32_t exponent = ((bits - 0x3F3504F3) >> 23);
  const float m = floatOf(bits - (exponent << 23)) - 1.0f;
  const float e = static_cast<float>(exponent);
  float y = 7.0376836292e-2f;
  y = y * m - 1.1514610310e-1f;
  y = y * m + 1.1676998740e-1f;
  y = y * m - 1.2420140846e-1f;
  y = y * m + 1.4249322787e-1f;
  y = y * m - 1.6668057665e-1f;
  y = y * m + 2.0000714765e-1f;
  y = y * m - 2.4999993993e-1f;
  y = y * m + 3.3333331174e-1f;
  const float z = m * m;
  y = y * m * z - 2.12194440e-4f * e - 0.5f * z;
  return m + y + 0.693359375f * e;
}

/// 32 well-mixed bits of a counter (lowbias32, C. Wellons).
PETRIG_INLINE uint32_t mix(uint32_t x) {
  x ^= x >> 16;
  x *= 0x7FEB352Du;
  x ^= x >> 15;
  x *= 0x846CA68Bu;
  return x ^ (x >> 16);
}

/// Two independent standard normals from two words (Box and Muller 1958).
PETRIG_INLINE void normals(uint32_t a, uint32_t b, float& first, float& second) {
  const float u = (static_cast<float>(static_cast<int32_t>(a >> 8)) + 0.5f) * 0x1p-24f;
  const float radius = __builtin_sqrtf(-2.0f * logPositive(u));
  // two bits choose the quadrant, the rest an angle in [-pi/4, pi/4)
  const float x = (static_cast<float>(static_cast<int32_t>(b >> 8 & 0x3FFFFF)) * 0x1p-22f - 0.5f) * 1.57079633f;
  const float z = x * x;
  const float sine = x + x * z * (-1.6666654611e-1f + z * (8.3321608736e-3f - z * 1.9515295891e-4f));
  const float cosine = 1.0f - 0.5f * z + z * z * (4.166664568298827e-2f + z * (-1.388731625493765e-3f + z * 2.443315711809948e-5f));
  const float swap = static_cast<float>(static_cast<int32_t>(b >> 30 & 1u));
  const float scale = radius * static_cast<float>(1 - 2 * static_cast<int32_t>(b >> 31));
  first = scale * (cosine + swap * (sine - cosine));
  second = scale * (sine - swap * (sine + cosine));
}

}  // namespace petrig::physics
