#pragma once
// A finished volume on another grid: zoom, offset, other matrices, slices where the CT has its own.

#include <array>
#include <span>

#include "parallel.h"
#include "pet/mumap.h"

namespace petrig::pet {

/// Separable. Coarser axes take the mean over the target voxel, finer ones a cubic through four neighbours, held between the
/// smallest and largest of them: nothing overshoots. Beyond the source's voxels lies 0.
void resample(const JobControl& job, std::span<const float> from, const VolumeGrid& source, const VolumeGrid& target,
              std::span<float> to);

}  // namespace petrig::pet
