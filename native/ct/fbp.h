#pragma once
// Spiral and sequence CT: readings to slices by weighted rebinning to parallel views and filtered backprojection.

#include <cstdint>
#include <span>

#include "ct/filter.h"
#include "parallel.h"

namespace petrig::ct {

struct FbpJob {
  std::span<const uint16_t> readings;  // [reading][row][channel], detector words
  std::span<const double> angles;      // rad a reading, growing, may wrap at a turn
  std::span<const double> sourceZ;     // mm a reading, patient, never turning back
  int rows;
  double rowPitch;                          // mm at the isocentre
  std::span<const double> coefficients;     // of p, p^2, ...: makes water linear
  double muWater;                           // 1/mm after that correction
  std::span<const double> sliceZ;           // mm
  double thickness;                         // mm, full width at half maximum
  int matrix;
  double fov;      // mm, side of the image
  double centreX;  // mm
  double centreY;
  KernelShape shape;
  std::span<float> out;  // [slice][y][x], HU
};

/// Reconstructs all slices, one a thread at a time; the answer does not depend on the number of threads.
/// @throws std::runtime_error when a slice lacks readings, Cancelled
void reconstruct(const FbpJob& job, const JobControl& control);

}  // namespace petrig::ct
