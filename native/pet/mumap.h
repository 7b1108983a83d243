#pragma once
// CT numbers to attenuation at 511 keV on the PET grid of a bed.

#include <array>
#include <cstdint>
#include <span>

#include "parallel.h"

namespace petrig::pet {

struct VolumeGrid {
  std::array<int, 3> size;           // x, y, z
  std::array<double, 3> spacing;     // mm
  std::array<double, 3> origin;      // centre of the first voxel, mm
};

/// mu = low slope * (HU + 1000) up to the break, then high slope * (HU + 1000) + high offset (1/mm).
struct HuToMu {
  double lowSlope, breakHu, highSlope, highOffset;
};

/// Mean mu over each voxel of `target` (sub-sampled trilinearly at about the CT's spacing). Air where the CT does not reach.
/// @returns voxels of `target` whose centre lies outside the CT
int64_t muMap(const JobControl& job, std::span<const float> hu, const VolumeGrid& ct, const HuToMu& conversion,
              const VolumeGrid& target, std::span<float> mu);

}  // namespace petrig::pet
