#pragma once
// Backprojection: direct inversion of rebinned, precorrected data. Without TOF each projection is ramp filtered first; with TOF
// the projections are spread over their timing blur and the image is filtered by the inverse of what that does to a point.

#include <span>

#include "parallel.h"
#include "pet/bedmodel.h"

namespace petrig::pet {

/// @param options rebinned; iterations, subsets and psfFwhmMm are not looked at
/// @param image out, [slice][matrix][matrix]; has negative values
BedReport backproject(const JobControl& job, const BedOptions& options, std::span<float> image);

}  // namespace petrig::pet
