#pragma once
// Component normalisation from a scan of a uniform cylinder that fills the field of view and hardly attenuates.

#include <cstdint>
#include <span>

#include "parallel.h"
#include "pet/geometry.h"

namespace petrig::pet {

struct FitOptions {
  std::span<const int16_t> prompts;  // dense sinogram [plane][angle][radial], randoms subtracted
  double radiusMm = 0;               // of the cylinder, on the axis, longer than the rings
  int iterations = 10;
};

/// Factors of the mean count of every bin: crystals [crystal][ring] (mean 1 over the real ones), geometric [radial] (1 where
/// the cylinder does not reach), axial [plane]. @returns counts a unit of line integral for a bin pair of efficiency 1
double fitNormalisation(const JobControl& job, const FitOptions& options, std::span<float> crystals, std::span<float> geometric,
                        std::span<float> axial);

}  // namespace petrig::pet
