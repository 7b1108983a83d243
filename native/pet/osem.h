#pragma once
// Ordered-subsets expectation maximisation over the sparse list of counted bins.

#include <span>

#include "parallel.h"
#include "pet/bedmodel.h"

namespace petrig::pet {

/// @param image out, [slice][matrix][matrix]
BedReport reconstruct(const JobControl& job, const BedOptions& options, std::span<float> image);

}  // namespace petrig::pet
