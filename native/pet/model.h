#pragma once
// What a bin would count: efficiencies (normalisation) and randoms of the crystal pairs that it holds.

#include <array>
#include <cstdint>
#include <span>

#include "pet/geometry.h"

namespace petrig::pet {

/// Component normalisation. Efficiencies multiply counts; a virtual crystal's is 0, which makes the block gaps.
struct Normalisation {
  std::span<const float> crystals;   // [crystal][ring], kCrystals * kRings
  std::span<const float> geometric;  // [radial]
  std::span<const float> axial;      // [plane]
};

/// Sum over the crystal pairs of each plane of line (angle, radial) of value[A][ringA] * value[B][ringB] * ringWeight[|ring difference|].
void sumPairs(int angle, int radial, std::span<const float> values, std::span<const float> ringWeight,
              std::span<float, kPlanes> out);

/// Efficiency of each bin of the line: counts a unit of line integral (mm x image value).
/// The solid angle of a pair on a cylinder goes with cos^4 of the tilt and not with the radial position.
void lineEfficiency(const Normalisation& n, int angle, int radial, std::span<float, kPlanes> out);

/// Shape of the randoms: product of the singles rates of the two crystals. @param singles [crystal][ring], 0 for virtual ones
void lineRandoms(std::span<const float> singles, int angle, int radial, std::span<float, kPlanes> out);

}  // namespace petrig::pet
