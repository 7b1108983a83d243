#pragma once
// Projections of a list of bins, as the reconstruction makes them, on their own.

#include <span>

#include "parallel.h"
#include "pet/line.h"

namespace petrig::pet {

/// values[i] = line integral (mm x value, weighted by time of flight) of cell i through image [slice][n][n].
void forwardBins(const JobControl& job, const BinList& bins, const TofKernel& tof, int matrix, std::span<const float> image,
                 std::span<float> values);

/// image [slice][n][n] = adjoint of forwardBins.
void backprojectBins(const JobControl& job, const BinList& bins, const TofKernel& tof, int matrix,
                     std::span<const float> values, std::span<float> image);

}  // namespace petrig::pet
