#pragma once
// Pixels for storage and for pictures: quantising, statistics, planes through a volume, windowing.

#include <array>
#include <cstdint>
#include <span>

#include "parallel.h"

namespace petrig::pixel {

/// stored = round((value - intercept) / slope), clipped to low .. high.
struct Quantisation {
  double slope;
  double intercept;
  double low;   // stored
  double high;  // stored
};

/// @param out of uint16_t, or of int16_t seen as uint16_t; NaN becomes `low`
void quantise(std::span<const float> values, const Quantisation& how, std::span<uint16_t> out, const JobControl& control);

/// [min, max, mean, standard deviation]; the same for any number of threads.
std::array<double, 4> statistics(std::span<const float> values, const JobControl& control);

/// A plane of points: origin + column x columnStep + row x rowStep, patient mm.
struct Plane {
  std::array<double, 3> origin;
  std::array<double, 3> columnStep;
  std::array<double, 3> rowStep;
  int width;
  int height;
};

struct VolumeView {
  std::span<const float> data;  // [z][y][x]
  std::array<int, 3> size;
  std::array<double, 3> spacing;
  std::array<double, 3> origin;
};

/// Trilinear samples of a volume on a plane; up to half a voxel outside the outermost centres they repeat, beyond is `outside`.
void samplePlane(const VolumeView& volume, const Plane& plane, float outside, std::span<float> out, const JobControl& control);

/// 0 at and below `low`, 255 at and above `high`.
void window(std::span<const float> values, double low, double high, std::span<uint8_t> out, const JobControl& control);

}  // namespace petrig::pixel
