#include "pet/model.h"

#include <algorithm>

namespace petrig::pet {
namespace {

struct RingPairs {
  // plane of (ringA, ringB), by ringA: ringB runs over [first, last]
  std::array<std::array<int16_t, kRings>, kRings> plane{};
  std::array<int8_t, kRings> first{}, last{};
};

constexpr RingPairs kRingPairs = [] {
  RingPairs table;
  for (int a = 0; a < kRings; ++a) {
    table.first[a] = static_cast<int8_t>(std::max(0, a - kMaxRingDifference));
    table.last[a] = static_cast<int8_t>(std::min(kRings - 1, a + kMaxRingDifference));
    for (int b = table.first[a]; b <= table.last[a]; ++b) table.plane[a][b] = static_cast<int16_t>(planeOf(a, b));
  }
  return table;
}();

}  // namespace

void sumPairs(int angle, int radial, std::span<const float> values, std::span<const float> ringWeight,
              std::span<float, kPlanes> out) {
  std::fill(out.begin(), out.end(), 0.0F);
  for (int mashed = 0; mashed < 2; ++mashed) {
    int crystalA, crystalB;
    crystalPair(radial, angle, mashed, crystalA, crystalB);
    if (isVirtualCrystal(crystalA) || isVirtualCrystal(crystalB)) continue;
    const float* atA = values.data() + crystalA * kRings;
    const float* atB = values.data() + crystalB * kRings;
    for (int a = 0; a < kRings; ++a) {
      if (isVirtualRing(a)) continue;
      const float valueA = atA[a];
      const auto& planes = kRingPairs.plane[a];
      for (int b = kRingPairs.first[a]; b <= kRingPairs.last[a]; ++b) {
        out[planes[b]] += valueA * atB[b] * ringWeight[std::abs(a - b)];
      }
    }
  }
}

void lineEfficiency(const Normalisation& n, int angle, int radial, std::span<float, kPlanes> out) {
  double crystalA, crystalB;
  meanCrystals(radial, angle, crystalA, crystalB);
  const double length = 2 * kRadiusMm * std::abs(std::sin((crystalAngle(crystalB) - crystalAngle(crystalA)) / 2));
  std::array<float, kRings> weight{};
  for (int d = 0; d < kRings; ++d) {
    const double rise = d * kRingPitchMm / length;
    const double cosine2 = 1 / (1 + rise * rise);
    weight[d] = static_cast<float>(cosine2 * cosine2);
  }
  sumPairs(angle, radial, n.crystals, weight, out);
  for (int p = 0; p < kPlanes; ++p) out[p] *= n.geometric[radial] * n.axial[p];
}

void lineRandoms(std::span<const float> singles, int angle, int radial, std::span<float, kPlanes> out) {
  std::array<float, kRings> flat;
  flat.fill(1);
  sumPairs(angle, radial, singles, flat, out);
}

}  // namespace petrig::pet
