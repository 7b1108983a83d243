#pragma once
// Scout image: the gantry stands, the table moves.

#include <cstdint>
#include <span>

#include "parallel.h"

namespace petrig::ct {

struct TopogramJob {
  std::span<const uint16_t> readings;  // [reading][row][channel]
  std::span<const double> sourceZ;     // mm a reading, never turning back
  int rows;
  double rowPitch;  // mm
  double firstZ;    // mm, z of the first image row
  double stepZ;     // mm from image row to image row, signed
  double pixel;     // mm at the isocentre, from column to column
  int width;
  int height;
  double columnSign;  // +1: column grows with the fan angle, -1: against it
  std::span<float> out;  // [row][column], line integral
};

/// @throws std::runtime_error when an image row is seen by no reading
void topogram(const TopogramJob& job, const JobControl& control);

}  // namespace petrig::ct
