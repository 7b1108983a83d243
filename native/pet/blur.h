#pragma once
// Gaussian blur of a volume, separable.

#include <array>
#include <span>

#include "parallel.h"

namespace petrig::pet {

/// Blurs [z][y][x] in place. Weights that fall outside the volume are left out and the rest renormalised, so a constant stays.
/// @param size,spacingMm x, y, z
void gaussianBlur(const JobControl& job, std::span<float> volume, std::array<int, 3> size, std::array<double, 3> spacingMm,
                  double fwhmMm);

}  // namespace petrig::pet
