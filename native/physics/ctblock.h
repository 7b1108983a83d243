#pragma once
// Thirty-two neighbouring rays of one detector row at a time, as plain loops over lanes that the compiler vectorises.

#include <vector>

#include "fastmath.h"
#include "shapes.h"

namespace petrig::physics {

inline constexpr int kLanes = 32;
inline constexpr int kMaxHits = 24;  // one bit each in a float's mantissa, five bits of tag in a sort key
inline constexpr int kMaxMaterials = 16;
inline constexpr float kFar = 4096.0f;  // mm, beyond the detector

/// A shape seen from one source position: everything that the lanes share.
struct SeenShape {
  const Shape* shape = nullptr;
  float origin[3];  ///< rows (source - centre)
  float rows[3][3];
  float toCentre[3];  ///< centre - source
  float clip[8][4];   ///< normal, d - normal . source
  int clips = 0;
  int quadric = 3;
};

struct Lanes {
  alignas(64) float dx[kLanes], dy[kLanes];
  float dz = 0;
  alignas(64) int32_t keys[2 * kMaxHits][kLanes];
  alignas(64) float paths[kMaxMaterials][kLanes];
  alignas(64) float mean[kLanes], variance[kLanes];
};

/// Batcher's merge-exchange network for n keys (Knuth 5.2.2 M).
inline std::vector<std::pair<int, int>> sortingNetwork(int n) {
  std::vector<std::pair<int, int>> pairs;
  int top = 1;
  while (top * 2 < n) top *= 2;
  for (int p = top; p > 0; p /= 2) {
    for (int q = top, r = 0, d = p;; d = q - p, q /= 2, r = p) {
      for (int i = 0; i + d < n; ++i)
        if ((i & p) == r) pairs.emplace_back(i, i + d);
      if (q == p) break;
    }
  }
  return pairs;
}

/// Where the lanes of a block are inside a shape, measured from the point nearest to its centre.
struct Span {
  alignas(64) float near[kLanes], lo[kLanes], hi[kLanes];
};

/// Cuts every lane's span to the quadric of the first `Q` rows and the slabs of the others.
template <int Q>
PETRIG_INLINE void cutBody(const SeenShape& s, const Lanes& lanes, Span& span) {
  const float dz = lanes.dz, inverseSquare = 1.0f / (1.0f + dz * dz);
  for (int i = 0; i < kLanes; ++i) {
    const float dx = lanes.dx[i], dy = lanes.dy[i];
    // from the point nearest to the shape's centre single precision is enough
    const float near = (s.toCentre[0] * dx + s.toCentre[1] * dy + s.toCentre[2] * dz) * inverseSquare;
    float lo = -kFar, hi = kFar, a = 0, b = 0, c = -1;
#pragma GCC unroll 3
    for (int k = 0; k < 3; ++k) {
      const float v = s.rows[k][0] * dx + s.rows[k][1] * dy + s.rows[k][2] * dz;
      const float u = s.origin[k] + near * v;
      if (k < Q) {
        a += v * v;
        b += u * v;
        c += u * u;
      } else {
        const float inverse = 1.0f / (v * v < 1e-18f ? 1e-9f : v);
        const float p = (-1.0f - u) * inverse, q = (1.0f - u) * inverse;
        const float first = p < q ? p : q, last = p < q ? q : p;
        lo = lo > first ? lo : first;
        hi = hi < last ? hi : last;
      }
    }
    if (Q > 0) {
      a = a > 1e-10f ? a : 1e-10f;
      const float root = b * b - a * c, inverse = 1.0f / a;
      const float q = __builtin_sqrtf(root > 0 ? root : 0);
      const float first = (-b - q) * inverse, last = (q - b) * inverse;
      lo = lo > first ? lo : first;
      hi = hi < last ? hi : last;
      hi = root > 0 ? hi : -kFar;
    }
    span.near[i] = near;
    span.lo[i] = lo;
    span.hi[i] = hi;
  }
}

PETRIG_INLINE void cutClip(const float* clip, const Lanes& lanes, Span& span) {
  for (int i = 0; i < kLanes; ++i) {
    const float v = clip[0] * lanes.dx[i] + clip[1] * lanes.dy[i] + clip[2] * lanes.dz;
    const float t = (clip[3] - span.near[i] * v) / (v * v < 1e-18f ? 1e-9f : v);
    const float upper = v < 0 ? kFar : t, lower = v < 0 ? t : -kFar;
    span.hi[i] = span.hi[i] < upper ? span.hi[i] : upper;
    span.lo[i] = span.lo[i] > lower ? span.lo[i] : lower;
  }
}

/// Entry and exit of every lane into a shape, as sortable keys: the bits of the distance, the last five replaced by `slot`.
PETRIG_INLINE void enterShape(const SeenShape& s, int slot, Lanes& lanes) {
  Span span;
  if (s.quadric == 3) cutBody<3>(s, lanes, span);
  else if (s.quadric == 2) cutBody<2>(s, lanes, span);
  else cutBody<0>(s, lanes, span);
  for (int k = 0; k < s.clips; ++k) cutClip(s.clip[k], lanes, span);
  int32_t* enter = lanes.keys[2 * slot];
  int32_t* leave = lanes.keys[2 * slot + 1];
  for (int i = 0; i < kLanes; ++i) {
    const float near = span.near[i], behind = -near;  // nothing lies behind the source
    const float lo = span.lo[i] > behind ? span.lo[i] : behind, hi = span.hi[i];
    const float from = near + lo, to = near + hi;
    const float first = lo < hi ? from : kFar, last = lo < hi ? to : kFar;
    enter[i] = (bitsOf(first) & ~31) | slot;
    leave[i] = (bitsOf(last) & ~31) | slot;
  }
}

PETRIG_INLINE void sortKeys(const std::vector<std::pair<int, int>>& network, Lanes& lanes) {
  for (const auto& [low, high] : network) {
    int32_t* a = lanes.keys[low];
    int32_t* b = lanes.keys[high];
    for (int i = 0; i < kLanes; ++i) {
      const int32_t x = a[i], y = b[i];
      a[i] = x < y ? x : y;
      b[i] = x < y ? y : x;
    }
  }
}

/// Path length in each local material (mm of the in-plane parameter). `top[k + 1]` is the material of slot k, `top[0]` none.
PETRIG_INLINE void sweep(int hits, const int32_t* top, int materials, Lanes& lanes) {
  alignas(64) int32_t active[kLanes] = {};
  alignas(64) float last[kLanes] = {};
  for (int m = 0; m < materials; ++m)
    for (int i = 0; i < kLanes; ++i) lanes.paths[m][i] = 0;
  for (int k = 0; k < 2 * hits; ++k) {
    alignas(64) int32_t material[kLanes];
    alignas(64) float step[kLanes];
    for (int i = 0; i < kLanes; ++i) {
      const int32_t key = lanes.keys[k][i];
      const float t = floatOf(key & ~31);
      step[i] = t - last[i];
      last[i] = t;
      // the exponent of the set of shapes entered names the one painted last
      const int32_t exponent = (bitsOf(static_cast<float>(active[i])) >> 23) - 126;
      material[i] = top[exponent > 0 ? exponent : 0];
      active[i] ^= 1 << (key & 31);
    }
    for (int m = 0; m < materials; ++m)
      for (int i = 0; i < kLanes; ++i) lanes.paths[m][i] += material[i] == m ? step[i] : 0.0f;
  }
}

/// Mean signal (air = 1) and its variance for one photon in air, from path lengths scaled by `stretch`.
PETRIG_INLINE void transmit(int energies, const float* signal, const float* noise, const float* attenuation,
                            const int* rows, int materials, float stretch, Lanes& lanes) {
  for (int i = 0; i < kLanes; ++i) lanes.mean[i] = lanes.variance[i] = 0;
  for (int e = 0; e < energies; ++e) {
    alignas(64) float depth[kLanes] = {};
    for (int m = 0; m < materials; ++m) {
      const float mu = attenuation[rows[m] * energies + e] * stretch;
      for (int i = 0; i < kLanes; ++i) depth[i] -= mu * lanes.paths[m][i];
    }
    for (int i = 0; i < kLanes; ++i) depth[i] = depth[i] < kDeepest ? kDeepest : depth[i];
    for (int i = 0; i < kLanes; ++i) {
      const float through = expNegative(depth[i]);
      lanes.mean[i] += signal[e] * through;
      lanes.variance[i] += noise[e] * through;
    }
  }
}

}  // namespace petrig::physics
