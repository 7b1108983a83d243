#pragma once
// Rows of one reading, corrected and weighted by their distance from a slice.

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace petrig::ct {

inline constexpr int kCoefficients = 6;

/// Weight of a ray by its distance d from the slice plane (measured where the ray passes the axis): 1 inside, falling
/// to 0 over 2 `ramp` around half the slice thickness, so the full width at half maximum is the thickness.
struct SliceProfile {
  float reach;        // mm, beyond it the weight is 0
  float inverseRamp;  // 1/mm

  static SliceProfile of(double thickness, double rowPitch);
};

/// Detector geometry and correction that all slices share.
struct RowWeighting {
  RowWeighting(int rows, double rowPitch, double thickness, std::span<const double> coefficients);

  /// Adds weight x corrected line integral to `sum` and the weight to `total`, one value a channel, for all rows near the slice.
  /// @param words one reading [row][channel]
  /// @param distance slice z - source z, mm
  void addReading(const uint16_t* words, double distance, float* sum, float* total) const;

  /// True when some row of a reading at this distance counts for the slice.
  bool touches(double distance) const;

  int rows;
  double rowPitch;
  SliceProfile profile;
  std::array<float, kCoefficients> coefficients{};
  std::vector<float> cosines;  // of the fan angle, a channel
  float smallestCosine;
  float edgeReach;  // mm, over which the outermost rows stand in where no ray is near
};

}  // namespace petrig::ct
